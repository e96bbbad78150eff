//! Command lines, read.

use super::{How, Where, Wish, export, import, instance};

#[track_caller]
fn refused(line: &str, expected: &str) {
    let refusal = instance(lexopt::Parser::from_args(line.split_whitespace())).unwrap_err();
    assert_eq!(refusal.to_string(), expected, "{line}");
}

fn parser(line: &str) -> lexopt::Parser {
    lexopt::Parser::from_args(line.split_whitespace())
}

#[test]
fn each_command_has_its_options() {
    let issuing = How { issues_keys: true, ..How::default() };
    let (wish, place) =
        instance(parser("create --config a.json --dry-run --offline --url https://a.example"))
            .unwrap();
    let how = How { is_dry: true, is_offline: true, ..issuing.clone() };
    assert_eq!(wish, Wish::Apply { how, path: "a.json".into() });
    assert_eq!(place, Where { url: Some("https://a.example".to_owned()), ..Where::default() });

    let (wish, _) = instance(parser("update --config a.json --save-keys --no-api-keys")).unwrap();
    let how = How { must_exist: true, saves_keys: true, ..How::default() };
    assert_eq!(wish, Wish::Apply { how, path: "a.json".into() });

    let (wish, _) = instance(parser("deploy-all tenants --secrets-to s.json")).unwrap();
    let how = How { is_folder: true, secrets_to: Some("s.json".into()), ..issuing };
    assert_eq!(wish, Wish::Apply { how, path: "tenants".into() });

    let (wish, _) = instance(parser("delete inst_1 --keep-assets out --force")).unwrap();
    let keep_assets = Some("out".into());
    assert_eq!(wish, Wish::Delete { id: "inst_1".to_owned(), is_forced: true, keep_assets });

    let (wish, place) = export(parser("--env dev --organization org_1 --key-file k")).unwrap();
    assert_eq!(wish, Wish::Export { organization: "org_1".to_owned() });
    assert_eq!(place.key_file, Some("k".into()));

    for (line, issues_keys) in [("a.json", false), ("a.json --issue-keys", true)] {
        let (wish, _) = import(parser(line)).unwrap();
        let how = How { issues_keys, ..How::default() };
        assert_eq!(wish, Wish::Apply { how, path: "a.json".into() });
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    refused("", "what about instances? create, delete, deploy-all, list, show, update");
    refused("forget", "instances have no `forget`");
    refused("create", "which file? --config f.json");
    refused("show", "which one? its id: inst_…");
    refused("list --force", "invalid option '--force'");
    let expected = "--offline goes with --dry-run: nothing can be done without a network";
    refused("create --config a.json --offline", expected);
    // A key is no argument.
    refused("list --key de_admin_1", "invalid option '--key'");
}
