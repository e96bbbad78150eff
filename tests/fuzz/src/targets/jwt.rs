//! Tokens of Cloudflare Access: nobody is let in by one that the team did not sign.
//!
//! The input is a token, and after a line end a list of keys. A key of the team stands beside: an input that lets
//! somebody in is a token that was signed with it, letter by letter.

use std::sync::OnceLock;

use de_core::{
    auth::access_token::{AccessTeam, AccessToken, KeySet},
    time::UnixMillis,
};
use de_testkit::access::{AUDIENCE, TestSigner};
use serde_json::json;

use super::texts;

const DOMAIN: &str = "https://team.cloudflareaccess.com";
/// Within the token of the corpus.
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

struct Team {
    keys: KeySet,
    signed: String,
    team: AccessTeam,
}

fn team() -> &'static Team {
    static TEAM: OnceLock<Team> = OnceLock::new();
    TEAM.get_or_init(|| {
        let signer = TestSigner::of_fixture("first", "k1");
        let list = json!({"keys": [signer.jwk()]}).to_string();
        let claims = json!({
            "aud": [AUDIENCE], "email": "A@example.com", "exp": 1_800_000_100, "iat": 1_799_999_900,
            "iss": DOMAIN, "type": "app",
        });
        Team {
            keys: KeySet::parse(list.as_bytes()).expect("a list of one key"),
            signed: signer.token(&claims),
            team: AccessTeam { audiences: vec![AUDIENCE.to_owned()], domain: DOMAIN.to_owned() },
        }
    })
}

pub(super) fn run(input: &[u8]) {
    let Some([token, list]) = texts::<2>(input) else { return };
    let Team { keys, signed, team } = team();
    if let Ok(read) = AccessToken::parse(token) {
        if read.email(keys, team, NOW).is_ok() {
            assert_eq!(token, signed, "somebody else's token lets in");
        }
        if let Ok(listed) = KeySet::parse(list.as_bytes()) {
            let _ = listed.has(read.kid());
            let _ = read.email(&listed, team, NOW);
        }
    }
    // Each change of the right one is a wrong one: the input says where, and to what.
    if let [high, low, bit, ..] = input {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % signed.len();
        let mut bytes = signed.clone().into_bytes();
        bytes[at] ^= 1 << (bit % 7);
        let changed = String::from_utf8(bytes).expect("seven bits are ASCII");
        let email = AccessToken::parse(&changed).and_then(|read| read.email(keys, team, NOW));
        assert!(email.is_err(), "{changed} lets in {email:?}");
    }
    let right = AccessToken::parse(signed).and_then(|read| read.email(keys, team, NOW));
    assert_eq!(right.as_deref(), Ok("a@example.com"));
}
