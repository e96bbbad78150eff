//! The brake on failed log-ins, by the platform's rate-limit binding.
//!
//! It counts a location of the platform at a time, and eventually; an answer costs no round trip beyond
//! the machine. A brake that does not work must not keep anyone out: it lets through, and says so once.
//!
//! Follows <https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/>.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use de_core::{
    log::LogLine,
    ports::{Brake, Log},
};
use futures_util::future::{Either, select};
use worker::{Delay, Env, send::SendFuture};

use crate::{bindings::BRAKE, log::EdgeLog};

const DEADLINE: Duration = Duration::from_secs(1);

pub(crate) struct EdgeBrake(pub(crate) Arc<Env>);

#[async_trait]
impl Brake for EdgeBrake {
    async fn allows(&self, address: &str) -> bool {
        let key = counted(address);
        let env = self.0.clone();
        let answer = SendFuture::new(async move {
            let brake = env.rate_limiter(BRAKE).map_err(|err| err.to_string())?;
            let call = std::pin::pin!(brake.limit(key));
            match select(call, Delay::from(DEADLINE)).await {
                Either::Left((Ok(outcome), _)) => Ok(outcome.success),
                Either::Left((Err(err), _)) => Err(err.to_string()),
                Either::Right(_) => Err("it did not answer in a second".to_owned()),
            }
        });
        answer.await.unwrap_or_else(|cause| {
            complain(cause);
            true
        })
    }
}

/// What is counted as one address: of the newer kind, whoever has one has 2^64 of them.
fn counted(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
        Ok(IpAddr::V4(_)) | Err(_) => address.to_owned(),
    }
}

/// Says it once an isolate: whoever tries keys must not fill the log too.
fn complain(cause: String) {
    thread_local! {
        static SAID: Cell<bool> = const { Cell::new(false) };
    }
    if SAID.replace(true) {
        return;
    }
    let message = "failed log-ins are not limited: the brake does not work";
    EdgeLog.write(LogLine::error(message).because(&cause));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_the_newer_kind_is_one_address() {
        let check = |address: &str, key: &str| assert_eq!(counted(address), key);
        check("203.0.113.7", "203.0.113.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
        check("2001:db8:1:2::1", "2001:db8:1:2::/64");
        check("::ffff:203.0.113.7", "203.0.113.7");
        check("unknown", "unknown");
    }
}
