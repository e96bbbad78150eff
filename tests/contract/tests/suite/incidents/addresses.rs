//! Addresses of the inside, in every spelling, at every door through which somebody may name one.
//!
//! What a public name resolves to cannot be seen in Workers, and need not be: their `fetch` leaves from the edge, where
//! no private network is. Here is what can be seen.

use de_contract::{control::Control, models::config, stack::Stack, wait::unique, wire::Server};
use serde_json::{Value, json};

/// Whatever leads inside, or may.
const INSIDE: [&str; 58] = [
    // IPv4, as people and as attackers write it.
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://127.0.1/x",
    "https://2130706433/x",
    "https://017700000001/x",
    "https://0177.0.0.1/x",
    "https://0x7f000001/x",
    "https://0x7f.0.0.1/x",
    "https://0X7F.1/x",
    "https://127.0.0.1./x",
    "https://0.0.0.0/x",
    "https://0/x",
    "https://10.0.0.1/x",
    "https://172.16.0.1/x",
    "https://192.168.1.1/x",
    "https://100.64.0.1/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9fea9fe/x",
    "https://0251.0376.0251.0376/x",
    "https://169.254.43518/x",
    "https://255.255.255.255/x",
    "https://8.8.8.8/x",
    // Digits that are none of ASCII, and dots that are none.
    "https://１２７.0.0.1/x",
    "https://①②⑦.0.0.1/x",
    "https://127。0。0。1/x",
    "https://127．0．0．1/x",
    "https://%31%32%37.0.0.1/x",
    // IPv6: itself, mapped, translated, tunnelled, with a zone.
    "https://[::1]/x",
    "https://[0:0:0:0:0:0:0:1]/x",
    "https://[::]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::ffff:7f00:1]/x",
    "https://[::127.0.0.1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://[64:ff9b:1::a9fe:a9fe]/x",
    "https://[2002:7f00:1::]/x",
    "https://[2001::1]/x",
    "https://[fe80::1%25eth0]/x",
    "https://[fc00::1]/x",
    "https://[fd00:ec2::254]/latest/meta-data/",
    // Names.
    "https://localhost/x",
    "https://LOCALHOST/x",
    "https://localhost./x",
    "https://ⓛocalhost/x",
    "https://a.localhost/x",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://metadata.google.internal./x",
    "https://METADATA.GOOGLE.INTERNAL/x",
    "https://metadata/x",
    "https://metadata.goog/x",
    "https://instance-data/x",
    "https://kubernetes.default.svc/x",
    "https://kubernetes.default.svc.cluster.local/x",
    "https://host.docker.internal/x",
    "https://router.home.arpa/x",
    // Another port, another scheme, another person.
    "https://hooks.example.com:8443/x",
    "http://hooks.example.com/x",
];

/// Written so that a person reads another host than is called.
const DISGUISED: [&str; 8] = [
    "https://hooks.example.com@127.0.0.1/x",
    "https://user:password@hooks.example.com/x",
    "https://hooks.example.com\\@evil.example/x",
    "https://hooks.example.com#@evil.example/x",
    "https://hооks.example.com/x",
    "https://hooks.example.com./x",
    "https:hooks.example.com/x",
    "javascript://hooks.example.com/%0Aalert(1)",
];

fn all() -> impl Iterator<Item = &'static str> {
    INSIDE.into_iter().chain(DISGUISED)
}

#[tokio::test]
async fn no_provider_no_host_of_one_and_no_webhook_leads_inside() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let tenant = control.tenant().await;
    let provider = |base: &str, hosts: Value| {
        json!({"id": unique("prov"), "organization_id": tenant.organization, "display_name": "Own",
            "base_url": base, "allowed_hosts": hosts, "auth": {"kind": "bearer"}})
    };
    for address in all() {
        let told = control.post("/v1/providers", &provider(address, json!([]))).await;
        let told = told.fails(400, "VALIDATION_ERROR");
        assert_eq!(told["details"]["fields"][0]["field"], "/base_url", "{address}: {told}");
        let host = address.trim_start_matches("https://").trim_start_matches("http://");
        let host = host.rsplit_once('/').map_or(host, |(host, _)| host);
        if !address.starts_with("http://") && !address.starts_with("https:hooks") {
            let told = control
                .post("/v1/providers", &provider("https://api.example.com", json!([host])))
                .await;
            let told = told.fails(400, "VALIDATION_ERROR");
            let field = told["details"]["fields"][0]["field"].as_str().unwrap().to_owned();
            assert!(field.starts_with("/allowed_hosts"), "{host}: {told}");
        }
        let webhook =
            json!({"instance_id": tenant.instance, "events": ["job.failed"], "url": address});
        let told = control.post("/v1/webhooks", &webhook).await.fails(400, "VALIDATION_ERROR");
        assert_eq!(told["details"]["fields"][0]["field"], "/url", "{address}: {told}");
    }
}

#[tokio::test]
async fn no_mapping_and_no_film_leads_inside() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    for address in all() {
        let mapping = json!({"endpoint": address, "body": {"p": "{user_prompt}"},
            "response_mapping": {"text": "$.text"}});
        let model =
            config(Server::OpenAi, &json!({"protocol": "mapped", "payload_mapping": mapping}));
        // Without its slashes it is a step below the provider's own address.
        if !address.starts_with("https:hooks") {
            let told = control.post("/v1/model-configs", &Value::Object(model)).await;
            let told = told.fails(400, "VALIDATION_ERROR");
            let field = &told["details"]["fields"][0]["field"];
            assert_eq!(field, "/payload_mapping/endpoint", "{address}: {told}");
        }
        let clip = json!({"asset": {"type": "image", "src": address}, "start": 0, "length": 2});
        let mut film = json!({"timeline": {"tracks": [{"clips": [clip]}]},
            "output": {"format": "mp4", "resolution": "sd"}});
        let told = stack.client().post("/render/render", &film).await.unwrap();
        if !DISGUISED.contains(&address) || told.status != 202 {
            assert_eq!(told.status, 400, "{address}: {}", told.text());
        }
        film["timeline"]["tracks"][0]["clips"][0]["asset"] = json!({"type": "title", "text": "x"});
        film["callback_url"] = address.into();
        let told = stack.client().post("/render/render", &film).await.unwrap();
        assert_eq!(told.status, 400, "{address}: {}", told.text());
        assert_eq!(told.json()["details"]["fields"][0]["field"], "/callback_url", "{address}");
    }
}
