//! Which port of a stack is whose.
//!
//! From one base: the front door on it, the pages on the next ones, the workers' own hosts from +10, each where
//! `de-services` says, the simulator on +20, the runtime's own entry, where crons can be called, on +21, and from +22
//! on what tests play vendors on. All on 127.0.0.1.

use std::env;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use de_services::{PAGES, Reach, WORKERS, Worker};

use crate::failure::Failure;
use crate::random;

/// The base where nothing else is asked for.
pub(crate) const DEFAULT_BASE: u16 = 8787;
/// How many ports, from the base on, a stack may use.
const SPAN: u16 = 30;
/// The variable that names another base.
const VARIABLE: &str = "DE_PORT_BASE";
const SIMULATOR: u16 = 20;
const CRON: u16 = 21;
const SPARE: std::ops::Range<u16> = 22..SPAN;

/// The ports of one stack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ports {
    base: u16,
}

impl Ports {
    /// Those that `DE_PORT_BASE` names, or the default ones.
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        env::var(VARIABLE).map_or(Ok(Self { base: DEFAULT_BASE }), |value| Self::parse(&value))
    }

    fn parse(value: &str) -> Result<Self, Failure> {
        match value.parse() {
            Ok(base @ 1024..=65_000) => Ok(Self { base }),
            Ok(_) | Err(_) => Err(Failure::Setting {
                name: VARIABLE,
                value: value.to_owned(),
                problem: "expected is a port from 1024 to 65000",
            }),
        }
    }

    /// Ports that nobody uses right now, for a stack that lives as long as a test run.
    ///
    /// Below those that Linux gives to outgoing connections, so that they stay free until we take them.
    pub(crate) fn free() -> Result<Self, Failure> {
        for _attempt in 0..50 {
            let base = 10_000 + u16::from_le_bytes(random::bytes()?) % 22_000;
            let ports = Self { base };
            if ports.check_free().is_ok() {
                return Ok(ports);
            }
        }
        Err(Failure::System {
            action: "find free ports",
            problem: format!("fifty places between 10000 and 32000 had fewer than {SPAN} in a row"),
        })
    }

    pub(crate) fn base(self) -> u16 {
        self.base
    }

    /// Where the simulator listens.
    pub(crate) fn simulator(self) -> u16 {
        self.base + SIMULATOR
    }

    /// Where a worker's cron can be called before its time.
    pub(crate) fn cron(self) -> u16 {
        self.base + CRON
    }

    /// Where a test may play a vendor of its own: `tests/contract/src/stack.rs` has them too. Nobody listens there
    /// before.
    pub(crate) fn spare(self) -> impl Iterator<Item = u16> {
        SPARE.map(move |distance| self.base + distance)
    }

    /// The workers with hosts of their own, and their ports.
    pub(crate) fn hosts(self) -> impl Iterator<Item = (&'static str, u16)> {
        WORKERS.iter().filter_map(move |worker| match worker.reach {
            Reach::Called { dev_port, .. } => Some((worker.name, self.base + dev_port)),
            Reach::FrontDoor { .. } | Reach::Inside => None,
        })
    }

    /// The pages and their ports.
    pub(crate) fn pages(self) -> impl Iterator<Item = (&'static str, u16)> {
        PAGES.iter().map(move |page| (page.name, self.base + page.dev_port))
    }

    /// The port of a worker; none if it is only reached through others.
    pub(crate) fn worker(self, name: &str) -> Option<u16> {
        let distance = de_services::worker(name).and_then(Worker::dev_port);
        distance.map(|distance| self.base + distance)
    }

    /// Refuses if somebody listens on one of them.
    ///
    /// # Errors
    /// `PortInUse` with the first such port and what it was meant for.
    pub(crate) fn check_free(self) -> Result<(), Failure> {
        let named =
            [("front door", self.base), ("simulator", self.simulator()), ("crons", self.cron())];
        for (user, port) in named.into_iter().chain(self.hosts()).chain(self.pages()) {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(_free) => {}
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    return Err(Failure::PortInUse { port, user: user.to_owned() });
                }
                Err(error) => {
                    return Err(Failure::System {
                        action: "listen on 127.0.0.1",
                        problem: error.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// The address of a port on this machine.
pub(crate) fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    use super::{Ports, SPAN};

    #[test]
    fn everyone_has_a_port_and_the_pages_keep_theirs() {
        let ports = Ports::parse("9000").unwrap();
        assert_eq!(ports.worker("config"), Some(9000));
        assert_eq!(ports.worker("text"), Some(9010));
        assert_eq!(ports.worker("render"), Some(9014));
        assert_eq!(ports.worker("rate-limiter"), None);
        assert_eq!(ports.simulator(), 9020);
        assert_eq!(ports.cron(), 9021);
        let used: BTreeSet<_> = ports
            .hosts()
            .map(|(_name, port)| port)
            .chain([ports.base(), ports.simulator(), ports.cron()])
            .collect();
        assert_eq!(used.len(), 3 + ports.hosts().count());
        assert!(
            used.iter()
                .all(|port| ports.pages().all(|(_page, own)| own != *port) && *port < 9000 + SPAN)
        );
    }

    #[test]
    fn a_base_that_cannot_be_is_refused() {
        for value in ["80", "65500", "-1", "eighty", ""] {
            let refusal = Ports::parse(value).unwrap_err().to_string();
            assert_eq!(
                refusal,
                format!("DE_PORT_BASE={value}: expected is a port from 1024 to 65000")
            );
        }
    }

    #[test]
    fn a_port_in_use_is_named() {
        let ports = Ports::free().unwrap();
        let _other = TcpListener::bind(("127.0.0.1", ports.simulator())).unwrap();
        let refusal = ports.check_free().unwrap_err().to_string();
        assert!(
            refusal.contains(&format!("port {} (simulator) is in use", ports.simulator())),
            "{refusal}"
        );
    }
}
