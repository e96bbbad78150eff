//! Every spelling, when a provider is saved and when it is called.

use super::*;

fn settings(public_base: Option<&str>) -> Settings {
    Settings {
        loopback_ports: vec![9000, 8787],
        public_base: public_base.map(str::to_owned),
        ..Settings::default()
    }
}

fn may_be_called(url: &str) -> bool {
    check(&Url::parse(url).unwrap(), &settings(None)).is_ok()
}

/// What may be called and is written as it is meant.
const GOOD: [&str; 4] = [
    "https://api.openai.com/v1",
    "https://xn--bcher-kva.example/v1",
    "https://a-b.c1.example.co.uk",
    "http://127.0.0.1:9000/openai/v1",
];

/// What may be called in no spelling.
const BAD: [&str; 59] = [
    // Not https, not 443.
    "http://api.openai.com/",
    "ftp://api.openai.com/",
    "ftp://127.0.0.1:9000/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "https://api.openai.com:8443/",
    "https://api.openai.com:80/",
    // User info and fragments.
    "https://user@api.openai.com/",
    "https://user:pass@api.openai.com/",
    "https://api.openai.com@evil.example/",
    "https://:x@api.openai.com/",
    "https://api.openai.com/#x",
    // This machine.
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://api.localhost/",
    "https://127.0.0.1/",
    "http://127.0.0.1/",
    "http://127.0.0.1:9001/",
    "http://127.1:9001/",
    "https://127.0.0.1./",
    "https://127.0.0.2/",
    "https://0.0.0.0/",
    "https://0/",
    // IPv4 in other spellings.
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://10.0.0.1/",
    "https://10.1/",
    "https://169.254.169.254/",
    "https://8.8.8.8/",
    "https://%31%30.0.0.1/",
    "https://１０.0.0.1/",
    "https://10。0。0。1/",
    // IPv6.
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://[2606:4700::1111]/",
    // Translated, tunnelled, and with a zone.
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1%25eth0]/",
    // Names of private networks.
    "https://metadata.google.internal/",
    "https://metadata.goog/",
    "https://00.0.7-771/",
    "https://kubernetes.default.svc/",
    "https://printer.local/",
    "https://printer.local./",
    "https://router.home.arpa/",
    "https://wiki.corp/",
    "https://x.test/",
    "https://intranet/",
    // A dot at the end makes another name of a known one.
    "https://api.openai.com./",
    "https://api.openai.com../",
];

#[test]
fn s01_only_public_https_is_called() {
    for good in GOOD {
        assert!(may_be_called(good), "{good}");
        assert_eq!(base_url(good, &settings(None)).as_deref(), Ok(good));
    }
    for bad in BAD {
        // Some are no address at all to begin with.
        assert!(!Url::parse(bad).is_ok_and(|_| may_be_called(bad)), "{bad}");
        assert!(base_url(bad, &settings(None)).is_err(), "{bad}");
    }
}

#[test]
fn s01_what_is_saved_is_what_is_read() {
    let saved = |text: &str| base_url(text, &settings(None));
    assert_eq!(saved("https://api.openai.com/").as_deref(), Ok("https://api.openai.com"));
    assert_eq!(saved("https://api.openai.com/v1/").as_deref(), Ok("https://api.openai.com/v1"));
    for odd in [
        "https://API.openai.com/v1",
        "https://api.openai.com:443/v1",
        "https:api.openai.com/v1",
        "https:\\\\api.openai.com\\v1",
        "https://api.openai.com\\@evil.example/v1",
        "https://аpi.openai.com/v1",
        "https://api．openai．com/v1",
        "https://%61pi.openai.com/v1",
        "https://api.openai.com/v1/../admin",
        "https://api.openai.com/v1/%2e%2e/admin",
        "https://api.openai.com/v1//x",
        "https://api.openai.com/v1%2fx",
        "https://api.openai.com/v1//",
        " https://api.openai.com/v1",
        "https://api.open\nai.com/v1",
        "https://api.openai.com/v 1",
    ] {
        let refused = saved(odd);
        assert!(matches!(refused, Err(Refusal::Spelling { .. })), "{odd}: {refused:?}");
    }
    for none in
        ["", "api.openai.com", "//api.openai.com", "https://", "https://api.openai.com/?a=b"]
    {
        assert_eq!(saved(none), Err(Refusal::NotUrl), "{none}");
    }
    assert_eq!(saved(&format!("https://a.example/{}", "x".repeat(500))), Err(Refusal::NotUrl));
}

#[test]
fn s01_a_listed_host_is_a_bare_name() {
    let settings = settings(Some("https://gateway.example.com"));
    for good in ["eu.api.openai.com", "xn--bcher-kva.example"] {
        assert_eq!(host(good, &settings).as_deref(), Ok(good));
    }
    for bad in [
        "",
        "*",
        "*.openai.com",
        "https://eu.api.openai.com",
        "eu.api.openai.com:443",
        "eu.api.openai.com:8443",
        "eu.api.openai.com/",
        "eu.api.openai.com/v1",
        "eu.api.openai.com?x",
        "eu.api.openai.com#x",
        "eu.api.openai.com.",
        "EU.api.openai.com",
        "user@eu.api.openai.com",
        "localhost",
        "10.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "127.0.0.1",
        "127.0.0.1:9000",
        "x.internal",
        "gateway.example.com",
        "аpi.openai.com",
        "a b.example",
    ] {
        assert!(host(bad, &settings).is_err(), "{bad}");
    }
}

#[test]
fn a_provider_is_called_at_its_own_hosts() {
    let base = Url::parse("https://api.openai.com/v1").unwrap();
    let hosts = ["eu.api.openai.com", "api.example.com:443", "https://cdn.example.com/"];
    let hosts = hosts.map(str::to_owned);
    let check = |url: &str| {
        check_provider(&Url::parse(url).unwrap(), &base, &hosts, &settings(None)).is_ok()
    };
    for good in [
        "https://api.openai.com/v2/x",
        "https://eu.api.openai.com/v1",
        "https://api.example.com/",
        "https://cdn.example.com/x",
    ] {
        assert!(check(good), "{good}");
    }
    for bad in [
        "https://evil.example/v1",
        "https://api.openai.com.evil.example/",
        "https://evil-api.openai.com/",
        "https://x.eu.api.openai.com/",
        "https://eu.api.openai.com./v1",
        "http://127.0.0.1:9000/",
    ] {
        assert!(!check(bad), "{bad}");
    }
}

#[test]
fn s01_nothing_leads_back_to_this_service() {
    let refused = |url: &str, own: &str| {
        let refused = check(&Url::parse(url).unwrap(), &settings(Some(own)));
        matches!(refused, Err(Refusal::Own { .. }))
    };
    let own = "https://gateway.example.com";
    for url in [
        "https://gateway.example.com/v1",
        "https://GATEWAY.example.com/",
        "https://gateway.example.com./",
        "https://text.gateway.example.com/",
    ] {
        assert!(refused(url, own), "{url}");
    }
    for url in ["https://example.com/", "https://mygateway.example.com/"] {
        assert!(!refused(url, own), "{url}");
    }
    // On a development stack it is an address among others.
    assert!(refused("http://127.0.0.1:8787/openai", "http://127.0.0.1:8787"));
    assert!(!refused("http://127.0.0.1:9000/openai", "http://127.0.0.1:8787"));
}

#[test]
fn s01_a_path_stays_below_its_base() {
    let below = |text: &str| {
        let base = Url::parse("https://api.openai.com/v1").unwrap();
        path(&base, text).map(String::from)
    };
    assert_eq!(below("/models").as_deref(), Ok("https://api.openai.com/v1/models"));
    let asked = below("/curated?per_page=1");
    assert_eq!(asked.as_deref(), Ok("https://api.openai.com/v1/curated?per_page=1"));
    let asked = below("/api/?per_page=3");
    assert_eq!(asked.as_deref(), Ok("https://api.openai.com/v1/api/?per_page=3"));
    let root = Url::parse("https://api.example.com").unwrap();
    assert_eq!(path(&root, "/v1/user").unwrap().as_str(), "https://api.example.com/v1/user");
    for bad in [
        "",
        "/",
        "models",
        "//evil.example/x",
        "/../admin",
        "/%2e%2e/admin",
        "/a/./b",
        "/a//b",
        "/a//",
        "/a%2fb",
        "/a\\..\\b",
        "/a#b",
        "/a b",
        "/a?b#c",
        "/a?b c",
        "https://evil.example/",
        "@evil.example/",
        "/ä",
    ] {
        assert_eq!(below(bad), Err(Refusal::Path), "{bad}");
    }
}

#[test]
fn s01_a_key_goes_where_it_was_saved_for_and_to_part_of_that() {
    let hosts = |base: &str, allowed: &[&str]| {
        let allowed: Vec<String> = allowed.iter().map(|host| (*host).to_owned()).collect();
        KeyHosts::of(base, &allowed)
    };
    let saved = hosts("https://api.example.com/v1", &["eu.example.com"]);
    let rows = [
        ("https://api.example.com", &["eu.example.com"][..], true),
        ("https://api.example.com:443/v2", &["https://eu.example.com/"], true),
        ("https://api.example.com/v1", &[], true),
        ("https://eu.example.com/v1", &["api.example.com:443"], true),
        ("http://api.example.com/v1", &[], false),
        ("https://api.example.com:8443/v1", &[], false),
        ("https://api.example.com./v1", &[], false),
        ("https://api.example.com@evil.example/v1", &[], false),
        ("https://api.example.com/v1", &["evil.example"], false),
        ("https://api.example.com/v1", &["eu.example.com", "no host"], false),
        ("no address", &[], false),
    ];
    for (base, allowed, expected) in rows {
        assert_eq!(saved.allow(&hosts(base, allowed)), expected, "{base} {allowed:?}");
    }
    // Rows hold this form: with another one no key would be usable.
    let kept = r#"["https://api.example.com","https://eu.example.com"]"#;
    assert_eq!(serde_json::to_string(&saved).unwrap(), kept);
}

#[test]
fn s22_a_receiver_is_a_public_address_in_plain_words() {
    let settings = settings(Some("https://gateway.example.com"));
    let read = |url: &str| receiver(url, &settings);
    for good in [
        "https://shop.example.com/hooks?token=a%20b&x=1",
        "https://shop.example.com/",
        "http://127.0.0.1:9000/hooks/one",
    ] {
        assert_eq!(read(good).as_deref(), Ok(good));
    }
    let bare = read("https://shop.example.com");
    assert_eq!(bare.as_deref(), Ok("https://shop.example.com/"));
    for bad in BAD {
        assert!(read(bad).is_err(), "{bad}");
    }
    for own in ["https://gateway.example.com/v1/jobs", "https://text.gateway.example.com/generate"]
    {
        assert!(matches!(read(own), Err(Refusal::Own { .. })), "{own}");
    }
    for odd in [
        "https://shop.example.com/a/../b",
        "https://SHOP.example.com/",
        "https://shop.example.com:443/",
        "https://shop.example.com/?q=a b",
        "https:shop.example.com/",
    ] {
        assert!(matches!(read(odd), Err(Refusal::Spelling { .. })), "{odd}");
    }
    let long = format!("https://a.example/{}", "x".repeat(2_000));
    assert_eq!(read(&long), Err(Refusal::NotUrl));
}
