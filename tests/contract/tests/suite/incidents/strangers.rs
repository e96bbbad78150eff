//! Ids that are tried out: on no route of the workers does a program meet what another tenant has made.
//!
//! The same for the routes of the control plane is in `foreign.rs`.

use de_contract::{
    control::Control,
    document::catalogue::{Operation, committed},
    models::config,
    stack::Stack,
    wait::{unique, until},
    wire::Server,
};
use de_testkit::client::TestClient;
use http::Method;
use serde_json::{Value, json};

/// What a tenant has made by calls.
struct Made {
    asset: String,
    film: String,
    job: String,
    model: String,
    project: String,
    response: String,
}

impl Made {
    /// One of each, in the tenant whose vendors answer.
    async fn by(stack: &Stack, control: &Control) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let project =
            json!({"instance_id": "inst_dev", "name": unique("made"), "retain_content": true});
        let project = text(&control.make("projects", project).await["id"]);
        let key = json!({"project_id": project, "scopes": ["image", "render", "text"]});
        let key = text(&control.make("api-keys", key).await["secret"]);
        let client = stack.front.clone().with_key(&key).unwrap();
        let own = config(Server::OpenAi, &json!({"organization_id": "org_dev"}));
        let model = text(&control.make("model-configs", Value::Object(own)).await["model_id"]);
        let asked = json!({"model": "gpt-4o-mini", "input": unique("kept")});
        let response = client.post("/v1/responses", &asked).await.unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        let picture = json!({"model_id": "ideogram-v2", "prompt": unique("picture")});
        let ordered =
            client.request(Method::POST, "/image/generate").header("prefer", "respond-async");
        let job = text(&ordered.json(&picture).send().await.unwrap().json()["job_id"]);
        let place = format!("/v1/jobs/{job}");
        let asset = until("a picture", async || {
            let told = client.get(&place).await.unwrap().json();
            told["outputs"][0]["asset_id"].as_str().map(str::to_owned)
        })
        .await;
        let clip =
            json!({"asset": {"type": "title", "text": unique("film")}, "start": 0, "length": 2});
        let film = json!({"timeline": {"background": "#000000", "tracks": [{"clips": [clip]}]},
            "output": {"format": "mp4", "resolution": "sd"}});
        let film = client.post("/render/render", &film).await.unwrap();
        assert_eq!(film.status, 202, "{}", film.text());
        Self {
            asset,
            film: text(&film.json()["render_id"]),
            job,
            model,
            project,
            response: text(&response.json()["id"]),
        }
    }

    /// What stands in a path, and what nobody has of the same kind. `None`: it is the vendor's own, for all.
    fn of(&self, operation: &Operation) -> Option<(&str, &'static str)> {
        let kinds = [
            ("/assets/{id}", Some((&self.asset, "asset_nobodys"))),
            ("/render/render/{id}", Some((&self.film, "job_nobodys"))),
            ("/v1/assets/{id}", Some((&self.asset, "asset_nobodys"))),
            ("/v1/jobs/{id}", Some((&self.job, "job_nobodys"))),
            ("/v1/models/{id}", Some((&self.model, "nobodys-model"))),
            ("/v1/responses/{id}", Some((&self.response, "resp_nobodys"))),
            ("/v1/text-to-speech/{voice_id}", None),
        ];
        let found = kinds.into_iter().find(|(path, _)| {
            operation.path == *path || operation.path.starts_with(&format!("{path}/"))
        });
        let (_, kind) =
            found.unwrap_or_else(|| panic!("{}: say of what kind its id is", operation.path));
        kind.map(|(id, nobodys)| (id.as_str(), nobodys))
    }

    fn all(&self) -> [&str; 6] {
        [&self.asset, &self.film, &self.job, &self.model, &self.project, &self.response]
    }
}

/// Status and body, without the ids that were asked for.
async fn answer_to(
    client: &TestClient,
    method: &Method,
    path: &str,
    body: Option<&Value>,
    id: &str,
) -> (u16, String) {
    let request = client.request(method.clone(), path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let asked = answer.header("x-request-id").to_owned();
    (answer.status, answer.text().replace(&asked, "…").replace(id, "…"))
}

#[tokio::test]
async fn what_another_tenant_has_made_is_on_no_route() {
    let stack = Stack::ready().await;
    let control = Control::of(stack.admin());
    let made = Made::by(&stack, &control).await;
    // A neighbour in another organization, and one in another project of the same instance.
    let sibling =
        json!({"instance_id": "inst_dev", "name": unique("sibling"), "retain_content": true});
    let sibling = control.make("projects", sibling).await["id"].as_str().unwrap().to_owned();
    let stranger = control.tenant().await.project;
    for (project, is_sibling) in [(&sibling, true), (&stranger, false)] {
        let scopes = ["audio", "image", "read", "render", "stock", "text"];
        let key = control.make("api-keys", json!({"project_id": project, "scopes": scopes})).await;
        let client = stack.front.clone().with_key(key["secret"].as_str().unwrap()).unwrap();
        for operation in &committed().operations {
            if operation.value["x-scope"].is_null() {
                continue;
            }
            let method = &operation.method;
            let variable = operation.path.split('/').find(|step| step.starts_with('{'));
            if let Some(variable) = variable {
                let Some((id, nobodys)) = made.of(operation) else { continue };
                if is_sibling && id == made.model {
                    // Models are for all projects of an organization.
                    continue;
                }
                let real = operation.path.replace(variable, id);
                let none = operation.path.replace(variable, nobodys);
                let real = answer_to(&client, method, &real, None, id).await;
                assert_eq!(
                    real,
                    answer_to(&client, method, &none, None, nobodys).await,
                    "{method} {}",
                    operation.path
                );
                assert_eq!(real.0, 404, "{method} {}: {}", operation.path, real.1);
            } else if *method == Method::GET {
                for (name, id) in
                    [("project_id", &made.project), ("job_id", &made.job), ("model", &made.model)]
                {
                    let path = format!("{}?{name}={id}", operation.path);
                    let (_, shown) = answer_to(&client, method, &path, None, id).await;
                    let others =
                        made.all().into_iter().filter(|one| !is_sibling || *one != made.model);
                    for trace in others.filter(|trace| *trace != id.as_str()) {
                        assert!(!shown.contains(trace), "{path} shows {trace}");
                    }
                }
            }
        }
        // A conversation of theirs is no beginning of ours.
        let goes_on =
            |id: &str| json!({"model": "gpt-4o-mini", "input": "And?", "previous_response_id": id});
        let real = answer_to(
            &client,
            &Method::POST,
            "/v1/responses",
            Some(&goes_on(&made.response)),
            &made.response,
        )
        .await;
        let none = answer_to(
            &client,
            &Method::POST,
            "/v1/responses",
            Some(&goes_on("resp_nobodys")),
            "resp_nobodys",
        )
        .await;
        assert_eq!(real, none);
        assert!((400..500).contains(&real.0), "{}", real.1);
    }
    // All of it is still there.
    let owner = json!({"project_id": made.project, "scopes": ["image", "render", "text"]});
    let owner = control.make("api-keys", owner).await;
    let owner = stack.front.clone().with_key(owner["secret"].as_str().unwrap()).unwrap();
    for path in [
        format!("/v1/assets/{}", made.asset),
        format!("/v1/jobs/{}", made.film),
        format!("/v1/jobs/{}", made.job),
        format!("/v1/models/{}", made.model),
        format!("/v1/responses/{}", made.response),
    ] {
        assert_eq!(owner.get(&path).await.unwrap().status, 200, "{path}");
    }
}
