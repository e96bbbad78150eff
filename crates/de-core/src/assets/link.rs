//! Links to assets for whoever has them: signed, and good until a time that stands in them.
//!
//! `…/assets/asset_0193…?expires=1795708176&signature=v1.xJ…`: `expires` is seconds since 1970. Whoever changes
//! either has no link. The row still decides: an asset that was deleted is gone for old links, too.

use std::time::Duration;

use crate::{
    auth::{
        signature::{self, Purpose},
        vault::VaultError,
    },
    ids::AssetId,
    ports::Settings,
    time::UnixMillis,
};

/// How long a link is good if nobody asks for another time.
pub const LIFE: Duration = Duration::from_secs(24 * 3_600);
/// The longest that a link can be good: seven days.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A signed link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// When it stops being good; a whole second.
    pub expires_at: UnixMillis,
    /// Absolute, under the front door; only a path where no front door is configured.
    pub url: String,
}

/// Why a link is not good. A caller is told the same in each case: there is no such asset.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LinkError {
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
    /// Not signed by us, or changed since.
    #[error("the link is not signed by us")]
    Forged,
    /// No signature at all.
    #[error("the link is not signed")]
    Unsigned,
}

/// Makes a link that is good for `life`, at most [`LONGEST`], and not beyond the asset's own end.
///
/// # Errors
/// [`VaultError::NoMasterKey`].
pub fn make(
    settings: &Settings,
    asset: &AssetId,
    now: UnixMillis,
    life: Duration,
    ends_at: Option<UnixMillis>,
) -> Result<Link, VaultError> {
    let life_ms = i64::try_from(life.min(LONGEST).as_millis()).unwrap_or(0);
    let end = now.plus(life_ms).min(ends_at.unwrap_or(UnixMillis(i64::MAX)));
    let expires_at = UnixMillis(end.0.div_euclid(1_000) * 1_000);
    let base = settings.public_base.as_deref().unwrap_or_default();
    let query = sign(settings, asset, expires_at)?;
    Ok(Link { expires_at, url: format!("{base}/assets/{asset}?{query}") })
}

/// Signs: returns the query of a link that is good until then, to the second.
///
/// # Errors
/// [`VaultError::NoMasterKey`].
pub fn sign(
    settings: &Settings,
    asset: &AssetId,
    expires_at: UnixMillis,
) -> Result<String, VaultError> {
    let expires = expires_at.0.div_euclid(1_000);
    let signature = signature::sign(settings, Purpose::AssetLink, &signed(asset, expires))?;
    Ok(format!("expires={expires}&signature={signature}"))
}

/// Reads the query of a link and says until when it is good. Other parameters are not looked at.
///
/// # Errors
/// [`LinkError`].
pub fn verify(
    settings: &Settings,
    asset: &AssetId,
    query: &str,
    now: UnixMillis,
) -> Result<UnixMillis, LinkError> {
    let value = |name: &str| {
        let mut values = query.split('&').filter_map(|pair| pair.split_once('='));
        values.find(|(found, _)| *found == name).map(|(_, value)| value)
    };
    let signature = value("signature").ok_or(LinkError::Unsigned)?;
    let expires: i64 =
        value("expires").and_then(|text| text.parse().ok()).ok_or(LinkError::Forged)?;
    // Signed is what was read, so each time has one spelling that is good, or a few that mean the same.
    if !signature::is_ours(settings, Purpose::AssetLink, &signed(asset, expires), signature) {
        return Err(LinkError::Forged);
    }
    let expires_at = UnixMillis(expires.saturating_mul(1_000));
    if now < expires_at { Ok(expires_at) } else { Err(LinkError::Expired) }
}

fn signed(asset: &AssetId, expires: i64) -> String {
    format!("{asset}\n{expires}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const NOW: UnixMillis = UnixMillis(1_795_621_776_120);

    fn settings(base: Option<&str>) -> Settings {
        Settings {
            master_keys: vec![(1, Secret::new("master secret 1".to_owned()))],
            public_base: base.map(str::to_owned),
            ..Settings::default()
        }
    }

    fn asset(text: &str) -> AssetId {
        AssetId::parse(text).unwrap()
    }

    fn query(link: &Link) -> String {
        link.url.split_once('?').unwrap().1.to_owned()
    }

    /// Links that are out look like this: a change needs a reader for the old form first.
    #[test]
    fn the_form_is_stable() {
        let made = make(&settings(Some("https://de.example")), &asset("asset_a1"), NOW, LIFE, None)
            .unwrap();
        assert_eq!(made.expires_at, UnixMillis(1_795_708_176_000));
        assert_eq!(
            made.url,
            "https://de.example/assets/asset_a1?expires=1795708176\
             &signature=v1.vSJ83W91ioZ89N4w_hQn_9Kui9FoUG5vZnvt77KAbDo"
        );
    }

    #[test]
    fn a_link_is_good_for_its_asset_until_its_end() {
        let settings = settings(None);
        let made = make(&settings, &asset("asset_a1"), NOW, LIFE, None).unwrap();
        let (query, end) = (query(&made), made.expires_at);
        let verify = |id: &str, query: &str, now| verify(&settings, &asset(id), query, now);
        assert_eq!(verify("asset_a1", &query, NOW), Ok(end));
        assert_eq!(verify("asset_a1", &query, end.plus(-1)), Ok(end));
        assert_eq!(verify("asset_a1", &query, end), Err(LinkError::Expired));
        assert_eq!(verify("asset_a2", &query, NOW), Err(LinkError::Forged));
        let later = query.replace("1795708176", "1895708176");
        assert_eq!(verify("asset_a1", &later, NOW), Err(LinkError::Forged));
        assert_eq!(verify("asset_a1", "expires=1795708176", NOW), Err(LinkError::Unsigned));
        for bad in ["signature=v1.AA", "signature=&expires=", "signature=v1.AA&expires=soon"] {
            assert_eq!(verify("asset_a1", bad, NOW), Err(LinkError::Forged), "{bad}");
        }
    }

    #[test]
    fn no_link_outlives_seven_days_or_its_asset() {
        let year = Duration::from_secs(365 * 86_400);
        let made = make(&settings(None), &asset("asset_a1"), NOW, year, None).unwrap();
        assert_eq!(made.expires_at, UnixMillis(NOW.0 / 1_000 * 1_000).plus(7 * 86_400_000));
        let end = Some(UnixMillis(1_795_621_780_999));
        let made = make(&settings(None), &asset("asset_a1"), NOW, year, end).unwrap();
        assert_eq!(made.expires_at, UnixMillis(1_795_621_780_000));
    }
}
