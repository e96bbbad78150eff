//! Where a vendor may say that a job is done: a path that only we could have made.
//!
//! What a callback says is not believed. It makes the job ask its vendor at once.

use url::Url;

use crate::{
    auth::signature::{self, Purpose},
    ids::JobId,
    ports::Settings,
};

/// The address for one job under the front door; `None` where no front door is configured that a vendor
/// could reach, or no key to sign with. One on loopback is reached where loopback may be called.
#[must_use]
pub fn address(settings: &Settings, job: &JobId) -> Option<Url> {
    let base = settings.public_base.as_deref()?;
    let is_local = base.starts_with("http://127.0.0.1:") && !settings.loopback_ports.is_empty();
    if !base.starts_with("https://") && !is_local {
        return None;
    }
    let signature = signature::sign(settings, Purpose::JobCallback, job.as_str()).ok()?;
    Url::parse(&format!("{base}/render/render/callbacks/{job}.{signature}")).ok()
}

/// Reads the last step of such a path: the job, if we made it.
#[must_use]
pub fn job(settings: &Settings, token: &str) -> Option<JobId> {
    let (job, signature) = token.split_once('.')?;
    let is_ours = signature::is_ours(settings, Purpose::JobCallback, job, signature);
    if is_ours { JobId::parse(job).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn only_what_we_signed_names_a_job() {
        let settings = Settings {
            master_keys: vec![(1, Secret::new("master secret 1".to_owned()))],
            public_base: Some("https://de.example".to_owned()),
            ..Settings::default()
        };
        let (a, b) = (JobId::parse("job_a").unwrap(), JobId::parse("job_b").unwrap());
        let address = address(&settings, &a).unwrap();
        let token = address.path_segments().unwrap().next_back().unwrap().to_owned();
        assert_eq!(job(&settings, &token), Some(a));
        for forged in [token.replace("job_a", b.as_str()), "job_a".to_owned(), "job_a.".to_owned()]
        {
            assert_eq!(job(&settings, &forged), None, "{forged}");
        }
        assert_eq!(super::address(&Settings::default(), &b), None);
        let mut local =
            Settings { public_base: Some("http://127.0.0.1:8787".to_owned()), ..settings };
        assert_eq!(super::address(&local, &b), None);
        local.loopback_ports.push(9_000);
        assert!(super::address(&local, &b).is_some());
        local.public_base = Some("http://de.example".to_owned());
        assert_eq!(super::address(&local, &b), None);
    }
}
