//! What is kept of them, and goes on from there.

use super::*;

#[tokio::test]
async fn a_conversation_goes_on_from_what_its_project_keeps() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    let (client, other) = (client_of(&stack, true).await, client_of(&stack, true).await);
    for model in models.each() {
        let (one, two, three) = (unique("one"), unique("two"), unique("three"));
        let first = good(&client, &json!({"model": model, "input": one})).await;
        assert_eq!((&first["store"], &first["previous_response_id"]), (&json!(true), &Value::Null));
        let id = first["id"].as_str().unwrap().to_owned();
        let body = json!({"model": model, "input": two, "previous_response_id": id});
        let events = stream(&client, &body).await;
        let second = events.last().unwrap()["response"].clone();
        for event in events.iter().filter(|event| event["response"].is_object()) {
            let response = &event["response"];
            let said = (&response["store"], &response["previous_response_id"]);
            assert_eq!(said, (&json!(true), &json!(id)), "{model}: {event}");
        }
        assert_eq!(text(&second), format!("You said: {two}"));
        let body = json!({"model": model, "input": [{"role": "user", "content": three}], "previous_response_id": second["id"], "store": false});
        let third = good(&client, &body).await;
        assert_eq!(
            (&third["store"], &third["previous_response_id"]),
            (&json!(false), &second["id"])
        );
        // All of it has reached the vendor, in order.
        let sent = stack.vendors.only(&three).await["body"].to_string();
        let place = |text: &str| sent.find(text).unwrap_or_else(|| panic!("{text} in {sent}"));
        let said = [
            one.clone(),
            format!("You said: {one}"),
            two.clone(),
            format!("You said: {two}"),
            three,
        ];
        let places: Vec<usize> = said.iter().map(|text| place(text)).collect();
        assert!(places.is_sorted(), "{sent}");

        assert_eq!(at(&client, Method::GET, &id).await.json(), first);
        let second_id = second["id"].as_str().unwrap();
        assert_eq!(at(&client, Method::GET, second_id).await.json(), second);
        let list = at(&client, Method::GET, &format!("{second_id}/input_items")).await.json();
        assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
        assert_eq!(list["data"][0]["content"][0]["text"], two);
        assert_eq!(list["first_id"], list["data"][0]["id"]);
        fails(&at(&client, Method::GET, third["id"].as_str().unwrap()).await, 404, "not_found");

        // To others it is nothing.
        for path in [id.clone(), format!("{id}/input_items")] {
            fails(&at(&other, Method::GET, &path).await, 404, "not_found");
        }
        fails(&at(&other, Method::DELETE, &id).await, 404, "not_found");
        let body = json!({"model": model, "input": "Hi", "previous_response_id": id});
        fails(&create(&other, &body).await, 404, "not_found");

        let gone = json!({"id": id, "object": "response", "deleted": true});
        assert_eq!(at(&client, Method::DELETE, &id).await.json(), gone);
        fails(&at(&client, Method::GET, &id).await, 404, "not_found");
        fails(&at(&client, Method::DELETE, &id).await, 404, "not_found");
        // What came after has a hole in it.
        let body = json!({"model": model, "input": "Hi", "previous_response_id": second_id});
        let error = fails(&create(&client, &body).await, 400, "validation_error");
        assert_eq!(error["param"], "previous_response_id");
    }
}

/// The items of a response as a client names them that was told `"store": true`.
fn names_of(response: &Value) -> Vec<Value> {
    let items = response["output"].as_array().unwrap().iter();
    items.map(|item| json!({"type": "item_reference", "id": item["id"]})).collect()
}

#[tokio::test]
async fn items_of_kept_answers_are_named_by_their_ids() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    let (client, other) = (client_of(&stack, true).await, client_of(&stack, true).await);
    let keeps_nothing = client_of(&stack, false).await;
    for model in [&models.anthropic, &models.chat, &models.relayed, &models.thinking] {
        for streamed in [false, true] {
            let words = [unique("one"), unique("two"), unique("three")];
            let ask =
                |input: &[Value]| json!({"model": model, "input": input, "max_output_tokens": 500});
            let mut input: Vec<Value> = Vec::new();
            let mut last = Value::Null;
            for word in &words {
                input.push(json!({"role": "user", "content": word}));
                let response = if streamed {
                    stream(&client, &ask(&input)).await.pop().unwrap()["response"].clone()
                } else {
                    good(&client, &ask(&input)).await
                };
                assert_eq!(response["store"], true);
                assert_eq!(text(&response), format!("You said: {word}"), "{model}");
                input.extend(names_of(&response));
                last = response;
            }
            // The vendor is sent what was said, and no name of it.
            let sent = stack.vendors.received(&words[2]).await.pop().unwrap()["body"].to_string();
            for word in &words[..2] {
                assert!(sent.contains(&format!("You said: {word}")), "{model}: {sent}");
            }
            assert!(!sent.contains("item_reference"), "{sent}");
            // So it is in what is kept.
            let id = last["id"].as_str().unwrap();
            let list =
                at(&client, Method::GET, &format!("{id}/input_items?limit=100")).await.json();
            assert!(!list.to_string().contains("item_reference"), "{list}");
            let next = json!({"model": model, "input": "More", "previous_response_id": id, "max_output_tokens": 500});
            assert_eq!(text(&good(&client, &next).await), "You said: More", "{model}");

            // To others it is nothing, like an item that never was.
            let named = &names_of(&last)[0];
            let nobodys = json!({"type": "item_reference", "id": "msg_nobodys"});
            let mut told = Vec::new();
            for (who, item) in [(&other, named), (&client, &nobodys), (&other, &nobodys)] {
                let answer =
                    create(who, &ask(&[json!({"role": "user", "content": "Hi"}), item.clone()]))
                        .await;
                let message =
                    fails(&answer, 404, "not_found")["message"].as_str().unwrap().to_owned();
                told.push(message.replace(item["id"].as_str().unwrap(), "…"));
            }
            assert!(told.iter().all(|message| *message == told[0]), "{told:?}");
            assert!(told[0].contains("store: false"), "{told:?}");
            // Where nothing is kept, the caller is told what to do.
            let answer = create(&keeps_nothing, &ask(std::slice::from_ref(named))).await;
            let error = fails(&answer, 400, "validation_error");
            assert_eq!(error["param"], "input[0]", "{error}");
            assert!(error["message"].as_str().unwrap().contains("store: false"), "{error}");

            // They go with their response.
            assert_eq!(at(&client, Method::DELETE, id).await.status, 200);
            fails(&create(&client, &ask(std::slice::from_ref(named))).await, 404, "not_found");
        }
    }
}

/// A picture of 1.5 MB, as a client sends it: 2 MB of base64.
fn photo() -> String {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend((0..1_500_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]));
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

/// The response to a call, whole or of its last event.
async fn response_to(client: &TestClient, body: &Value, streamed: bool) -> Value {
    if streamed {
        return stream(client, body).await.pop().unwrap()["response"].clone();
    }
    good(client, body).await
}

#[tokio::test]
async fn a_conversation_that_began_with_a_photo_goes_on() {
    let stack = Stack::ready().await;
    let sees = json!({"capabilities": {"text": true, "vision": true, "streaming": true}});
    let mut spoken = sees.clone();
    spoken["protocol"] = "openai-responses".into();
    let client = client_of(&stack, true).await;
    let photo = photo();
    for (model, streamed) in [
        (stack.model(Server::Anthropic, sees.clone()).await, false),
        (stack.model(Server::OpenAi, sees).await, true),
        (stack.model(Server::OpenAi, spoken.clone()).await, false),
        (stack.model(Server::OpenAi, spoken).await, true),
    ] {
        let words = [unique("one"), unique("two"), unique("three"), unique("four")];
        let ask = |input: Value, previous: &Value| {
            let mut body = json!({"model": model, "input": input, "max_output_tokens": 500});
            if !previous.is_null() {
                body["previous_response_id"] = previous.clone();
            }
            body
        };
        let shown = json!({"role": "user", "content": [
            {"type": "input_text", "text": words[0]}, {"type": "input_image", "image_url": photo},
        ]});
        let body = ask(json!([shown]), &Value::Null);
        let first = response_to(&client, &body, streamed).await;
        assert_eq!(first["store"], true, "{model}");
        // As OpenAI's SDK goes on, and once more from there.
        let body = ask(json!(words[1]), &first["id"]);
        let second = response_to(&client, &body, streamed).await;
        let body = ask(json!(words[2]), &second["id"]);
        let third = response_to(&client, &body, streamed).await;
        // As the AI SDK does: all of it, but answers by their names.
        let mut input = vec![shown.clone()];
        input.extend(names_of(&first));
        input.push(json!({"role": "user", "content": words[3]}));
        let fourth = response_to(&client, &ask(json!(input), &Value::Null), streamed).await;
        for (response, word) in [(&second, &words[1]), (&third, &words[2]), (&fourth, &words[3])] {
            assert_eq!(text(response), format!("You said: {word}"), "{model}");
            assert_eq!(response["store"], true, "{model}");
            // The vendor sees the picture again. A body as large is on record by its size.
            let sent = stack.vendors.prompted(word).await.pop().unwrap();
            assert!(
                sent["body"]["omitted_bytes"].as_u64().unwrap()
                    > u64::try_from(photo.len()).unwrap(),
                "{model}"
            );
        }
        let id = first["id"].as_str().unwrap();
        let list = at(&client, Method::GET, &format!("{id}/input_items")).await.json();
        assert!(list["data"][0]["content"][1]["image_url"] == photo, "{model}: it is kept whole");
        // It goes with all of its parts.
        assert_eq!(at(&client, Method::DELETE, id).await.status, 200);
        fails(&at(&client, Method::GET, id).await, 404, "not_found");
        if let Some(database) = stack.dump() {
            let mut parts = database.lines().filter(|line| line.starts_with("response_parts "));
            assert!(parts.all(|line| !line.contains(id)), "{model}");
        }
    }
}

#[tokio::test]
async fn what_is_kept_rests_sealed() {
    let stack = Stack::ready().await;
    let client = client_of(&stack, true).await;
    let word = unique("sealed");
    let kept = good(&client, &json!({"model": "gpt-4o-mini", "input": word})).await;
    if let Some(database) = stack.dump() {
        assert!(database.contains(kept["id"].as_str().unwrap()));
        assert!(!database.contains(&word), "a prompt is read in the database");
    }
}

#[tokio::test]
async fn where_nothing_is_kept_nobody_is_told_that_it_was() {
    let stack = Stack::ready().await;
    let models = Models::of(&stack).await;
    let client = client_of(&stack, false).await;
    for model in models.each() {
        let body = json!({"model": model, "input": "Hi", "store": true});
        let first = good(&client, &body).await;
        assert_eq!(first["store"], false);
        let id = first["id"].as_str().unwrap();
        fails(&at(&client, Method::GET, id).await, 404, "not_found");
        let body = json!({"model": model, "input": "Hi", "previous_response_id": id});
        let error = fails(&create(&client, &body).await, 400, "validation_error");
        assert_eq!(error["param"], "previous_response_id");
        assert!(error["message"].as_str().unwrap().contains("retain_content"), "{error}");
    }
}

#[tokio::test]
async fn the_same_request_is_answered_once_more_and_kept_once() {
    let stack = Stack::ready().await;
    let client = client_of(&stack, true).await;
    for streamed in [false, true] {
        let (word, key) = (unique("once"), unique("key"));
        let body = json!({"model": "gpt-4o-mini", "input": word, "stream": streamed});
        let ask = || {
            let request = client.request(Method::POST, "/v1/responses");
            request.header("idempotency-key", &key).json(&body).send()
        };
        let first = ask().await.unwrap();
        let again = ask().await.unwrap();
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(first.body, again.body);
        stack.vendors.only(&word).await;
        assert!(first.text().contains("\"store\":true"), "{}", first.text());
    }
}
