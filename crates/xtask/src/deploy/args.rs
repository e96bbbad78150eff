//! What the command line says of a deployed environment.

use std::path::PathBuf;

use lexopt::prelude::{Long, ValueExt};

use crate::deploy::environments::check_domain;

/// One command on an environment.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Operation {
    Backup(BackupWish),
    Deploy(DeployWish),
    Destroy(DestroyWish),
    Rollback(RollbackWish),
    Status { environment: String },
}

impl Operation {
    pub(crate) fn environment(&self) -> &str {
        match self {
            Self::Backup(wish) => &wish.environment,
            Self::Deploy(wish) => &wish.environment,
            Self::Destroy(wish) => &wish.environment,
            Self::Rollback(wish) => &wish.environment,
            Self::Status { environment } => environment,
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct BackupWish {
    pub(crate) environment: String,
    /// Also into the environment's bucket.
    pub(crate) r2: bool,
    /// The folder; `backups/` of the repository if unset.
    pub(crate) to: Option<PathBuf>,
}

#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct DeployWish {
    pub(crate) domain: Option<String>,
    pub(crate) dry_run: bool,
    pub(crate) environment: String,
    /// Hosts that resolve already become this environment's.
    pub(crate) take_hosts: bool,
    /// Does not ask.
    pub(crate) yes: bool,
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct DestroyWish {
    /// The environment's name once more.
    pub(crate) confirm: Option<String>,
    pub(crate) environment: String,
    /// Also what lies in bucket and database.
    pub(crate) with_content: bool,
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct RollbackWish {
    pub(crate) environment: String,
    /// The release that is taken back, if it serves anywhere; the last one if unset.
    pub(crate) from: Option<String>,
    /// A release; the one before if unset.
    pub(crate) to: Option<String>,
    pub(crate) yes: bool,
}

/// The command lines of these commands.
pub(crate) const USAGE: &str = "\
  deploy    brings an environment of wrangler/environments.jsonc up to what is here, on your Cloudflare account
              --env E        dev, staging or production
              --domain D     where its hosts lie: api.D, admin.D, …; without one, on workers.dev
              --take-hosts   hosts that have another use become this environment's
              --dry-run      renders, builds and bundles everything, and needs no account
              --yes          does not ask
  status    says what of an environment is deployed, missing and healthy
              --env E
  rollback  lets each worker of the last release serve its former version; the schema stays
              --env E        [--to RELEASE] [--yes]
              --from RELEASE only if that one serves: else there is nothing to do
  backup    exports an environment's database to a file, and tries whether the file is whole
              --env E        [--to FOLDER] [--r2, to put it into the bucket too]
  destroy   removes an environment from the account, after its name was typed
              --env E        [--confirm E] [--with-content]
  wrangler -- ARGS
            hands them to the pinned wrangler, on a Node that it runs on";

/// Reads what follows one of the commands; `None` for the name of another.
pub(crate) fn parse(
    command: &str,
    parser: lexopt::Parser,
) -> Option<Result<Operation, lexopt::Error>> {
    let words: &[Word] = match command {
        "backup" => &[Word::R2, Word::To],
        "deploy" => &[Word::Domain, Word::DryRun, Word::TakeHosts, Word::Yes],
        "destroy" => &[Word::Confirm, Word::WithContent],
        "rollback" => &[Word::From, Word::To, Word::Yes],
        "status" => &[],
        _ => return None,
    };
    Some(read(words, parser).and_then(|said| said.operation(command)))
}

/// An option beside `--env`.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Word {
    Confirm,
    Domain,
    DryRun,
    From,
    R2,
    TakeHosts,
    To,
    WithContent,
    Yes,
}

#[derive(Default)]
struct Said {
    confirm: Option<String>,
    domain: Option<String>,
    dry_run: bool,
    environment: Option<String>,
    from: Option<String>,
    r2: bool,
    take_hosts: bool,
    to: Option<String>,
    with_content: bool,
    yes: bool,
}

fn read(words: &[Word], mut parser: lexopt::Parser) -> Result<Said, lexopt::Error> {
    let mut said = Said::default();
    while let Some(arg) = parser.next()? {
        let word = match &arg {
            Long("env") => {
                said.environment = Some(parser.value()?.string()?);
                continue;
            }
            Long("confirm") => Word::Confirm,
            Long("domain") => Word::Domain,
            Long("dry-run") => Word::DryRun,
            Long("from") => Word::From,
            Long("r2") => Word::R2,
            Long("take-hosts") => Word::TakeHosts,
            Long("to") => Word::To,
            Long("with-content") => Word::WithContent,
            Long("yes") => Word::Yes,
            _ => return Err(arg.unexpected()),
        };
        if !words.contains(&word) {
            return Err(arg.unexpected());
        }
        match word {
            Word::Confirm => said.confirm = Some(parser.value()?.string()?),
            Word::Domain => said.domain = Some(parser.value()?.string()?),
            Word::DryRun => said.dry_run = true,
            Word::From => said.from = Some(parser.value()?.string()?),
            Word::R2 => said.r2 = true,
            Word::TakeHosts => said.take_hosts = true,
            Word::To => said.to = Some(parser.value()?.string()?),
            Word::WithContent => said.with_content = true,
            Word::Yes => said.yes = true,
        }
    }
    Ok(said)
}

impl Said {
    fn operation(self, command: &str) -> Result<Operation, lexopt::Error> {
        let Self {
            confirm,
            domain,
            dry_run,
            environment,
            from,
            r2,
            take_hosts,
            to,
            with_content,
            yes,
        } = self;
        let environment =
            environment.ok_or("which environment? --env dev, staging or production")?;
        if let Some(domain) = &domain {
            check_domain(domain).map_err(|problem| format!("--domain: {problem}"))?;
        }
        Ok(match command {
            "backup" => {
                Operation::Backup(BackupWish { environment, r2, to: to.map(PathBuf::from) })
            }
            "deploy" => {
                Operation::Deploy(DeployWish { domain, dry_run, environment, take_hosts, yes })
            }
            "destroy" => Operation::Destroy(DestroyWish { confirm, environment, with_content }),
            "rollback" => Operation::Rollback(RollbackWish { environment, from, to, yes }),
            _ => Operation::Status { environment },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{DeployWish, Operation, RollbackWish, parse};

    #[track_caller]
    fn read(command: &str, line: &str) -> Result<Operation, String> {
        let parser = lexopt::Parser::from_args(line.split_whitespace());
        parse(command, parser).unwrap().map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn options_are_read() {
        let wish = DeployWish {
            domain: Some("example.com".to_owned()),
            dry_run: true,
            environment: "staging".to_owned(),
            take_hosts: true,
            yes: false,
        };
        assert_eq!(
            read("deploy", "--env staging --domain example.com --take-hosts --dry-run"),
            Ok(Operation::Deploy(wish))
        );
        let wish = RollbackWish {
            environment: "production".to_owned(),
            from: Some("def".to_owned()),
            to: Some("abc".to_owned()),
            yes: true,
        };
        assert_eq!(
            read("rollback", "--to abc --yes --from def --env production"),
            Ok(Operation::Rollback(wish))
        );
        assert_eq!(
            read("status", "--env dev"),
            Ok(Operation::Status { environment: "dev".to_owned() })
        );
        assert!(parse("dev", lexopt::Parser::from_args(["x"])).is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (command, line, refusal) in [
            ("deploy", "", "which environment? --env dev, staging or production"),
            (
                "deploy",
                "--env staging --domain https://a.b",
                "--domain: `https://a.b` is no domain",
            ),
            ("deploy", "--env staging --to x", "invalid option '--to'"),
            ("status", "--env staging --yes", "invalid option '--yes'"),
            ("backup", "now --env dev", "unexpected argument \"now\""),
        ] {
            let said = read(command, line).unwrap_err();
            assert!(said.starts_with(refusal), "{command} {line}: {said}");
        }
    }
}
