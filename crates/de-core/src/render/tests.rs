use serde_json::json;

use super::*;
use crate::receipt::Usage;

fn read(body: Value) -> Result<RenderRequest, Vec<FieldIssue>> {
    RenderRequest::parse(body.as_object().cloned().unwrap_or_default(), &Settings::default())
}

fn clip() -> Value {
    json!({"asset": {"type": "image", "src": "https://example.com/a.jpg"}, "start": 0, "length": 2})
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({
        "timeline": {"tracks": [{"clips": [clip()]}]},
        "output": {"format": "mp4", "resolution": "sd"},
    });
    change(&mut body);
    body
}

/// One change, and the one fault that it is.
#[track_caller]
fn refused(change: impl FnOnce(&mut Value), pointer: &str, reason: &str) {
    let issues = read(with(change)).unwrap_err();
    let told: Vec<_> = issues.iter().map(|issue| (&*issue.pointer, &*issue.reason)).collect();
    assert_eq!(told, [(pointer, reason)]);
}

#[test]
fn what_the_vendor_documents_is_taken_as_it_is() {
    let edit = json!({
        "timeline": {
            "background": "#000000",
            "cache": false,
            "fonts": [{"src": "https://example.com/a.ttf"}],
            "soundtrack": {"src": "https://example.com/a.mp3", "effect": "fadeInFadeOut", "volume": 0.5},
            "tracks": [{"clips": [
                {
                    "asset": {"type": "video", "src": "https://example.com/a.mp4", "trim": 1.5, "volume": 0.8,
                              "speed": 2, "crop": {"top": 0.1}, "volumeEffect": "fadeIn"},
                    "start": "auto", "length": "auto", "fit": "cover", "scale": 0.5, "position": "topLeft",
                    "offset": {"x": 0.1, "y": [{"from": 0, "to": 1, "start": 0, "length": 1}]},
                    "transition": {"in": "fadeSlow", "out": "wipeLeftFast"}, "effect": "zoomInSlow",
                    "filter": "greyscale", "opacity": 0.5, "transform": {"rotate": {"angle": 45}}, "alias": "a",
                },
                {"asset": {"type": "luma", "src": "https://example.com/l.mp4"}, "start": 1, "length": 3},
                {"asset": {"type": "title", "text": "Hi", "style": "chunk", "size": "x-large"}, "start": 2, "length": "end"},
                {"asset": {"type": "text", "text": "Hi", "font": {"family": "Roboto"}}, "start": 2, "length": 2},
                {"asset": {"type": "html", "html": "<p>Hi</p>", "css": "p {}", "width": 400, "height": 200}, "start": 2, "length": 2},
                {"asset": {"type": "audio", "src": "https://example.com/b.mp3", "effect": "fadeOut"}, "start": 0, "length": 4},
                {"asset": {"type": "caption", "src": "alias://a"}, "start": 0, "length": "end"},
            ]}],
        },
        "output": {
            "format": "mp4", "resolution": "1080", "aspectRatio": "9:16", "fps": 29.97, "quality": "veryhigh",
            "range": {"start": 1, "length": 2}, "poster": {"capture": 1}, "thumbnail": {"capture": 1, "scale": 0.3},
            "mute": true, "repeat": false, "scaleTo": "preview", "destinations": [{"provider": "shotstack", "exclude": true}],
        },
        "merge": [{"find": "NAME", "replace": "Ann"}, {"find": "N", "replace": 3}],
    });
    let Value::Object(expected) = edit.clone() else { panic!("an object") };
    assert_eq!(read(edit).unwrap().call.edit, expected);
}

#[test]
fn a_body_says_more_than_the_edit() {
    let body = with(|body| {
        body["callback_url"] = "https://example.com/hook".into();
        body["model_id"] = "shotstack".into();
        body["instance_id"] = "inst_a".into();
        body["merge"] = Value::Null;
    });
    let read = read(body).unwrap();
    assert_eq!(read.model_id.as_deref(), Some("shotstack"));
    assert_eq!(read.callback_url.as_deref(), Some("https://example.com/hook"));
    assert_eq!(read.instance_id.as_deref(), Some("inst_a"));
    assert_eq!(read.call.edit.keys().collect::<Vec<_>>(), ["timeline", "output"]);
}

#[test]
fn the_output_is_brought_into_the_vendors_words() {
    let hd = json!({"format": "mp4", "resolution": "hd", "fps": 25});
    let rows = [
        (Value::Null, hd.clone()),
        (json!({}), hd.clone()),
        (json!({"format": "mp4", "resolution": "720"}), hd.clone()),
        (json!({"resolution": 720, "fps": null}), hd),
        (
            json!({"resolution": 1080, "fps": 30}),
            json!({"format": "mp4", "resolution": "1080", "fps": 30}),
        ),
        (
            json!({"format": "gif", "resolution": "480", "quality": "low"}),
            json!({"format": "gif", "size": {"width": 854, "height": 480}, "quality": "low", "fps": 25}),
        ),
        (
            json!({"resolution": "480", "aspectRatio": "9:16"}),
            json!({"format": "mp4", "size": {"width": 480, "height": 854}, "fps": 25}),
        ),
        (json!({"format": "mp3"}), json!({"format": "mp3"})),
        (json!({"format": "png"}), json!({"format": "png", "resolution": "hd"})),
        (
            json!({"format": "jpg", "size": {"width": 100, "height": 50}}),
            json!({"format": "jpg", "size": {"width": 100, "height": 50}}),
        ),
    ];
    for (written, meant) in rows {
        let read = read(with(|body| body["output"] = written.clone())).unwrap();
        assert_eq!(read.call.edit["output"], meant, "{written}");
    }
}

#[test]
fn faults_are_told_with_their_place_and_what_is_allowed() {
    refused(
        |body| body["timeline"]["tracks"] = json!([]),
        "/timeline/tracks",
        "expected 1 to 100 entries, found 0",
    );
    refused(
        |body| body["callback"] = "https://example.com/".into(),
        "/callback",
        "unknown; there are timeline, output, merge, callback_url, model_id, model, instance_id, project_id",
    );
    refused(
        |body| body["timeline"]["backgroud"] = "#fff".into(),
        "/timeline/backgroud",
        "unknown; did you mean background? there are tracks, background, cache, fonts, soundtrack",
    );
    let clip = |body: &mut Value, name: &str, value: Value| {
        body["timeline"]["tracks"][0]["clips"][0][name] = value
    };
    let at = "/timeline/tracks/0/clips/0";
    refused(
        |body| clip(body, "start", "later".into()),
        &format!("{at}/start"),
        "expected seconds, from 0 to 86400, or auto, found \"later\"",
    );
    refused(
        |body| clip(body, "length", json!(-1)),
        &format!("{at}/length"),
        "expected seconds, from 0 to 86400, or auto, or end, found -1",
    );
    refused(
        |body| clip(body, "fit", "covr".into()),
        &format!("{at}/fit"),
        "expected one of crop, cover, contain, none, found \"covr\"; did you mean cover?",
    );
    refused(
        |body| clip(body, "opacity", json!(2)),
        &format!("{at}/opacity"),
        "expected a number from 0 to 1, or a list of such steps, found 2",
    );
    refused(
        |body| clip(body, "effect", json!(["zoomIn"])),
        &format!("{at}/effect"),
        "expected one of zoomIn, zoomInSlow, zoomInFast, zoomOut, zoomOutSlow, zoomOutFast, slideLeft, slideLeftSlow, \
         slideLeftFast, slideRight, slideRightSlow, slideRightFast, slideUp, slideUpSlow, slideUpFast, slideDown, \
         slideDownSlow, slideDownFast, found a list",
    );
    refused(
        |body| clip(body, "asset", json!({"type": "vidoe", "src": "x"})),
        &format!("{at}/asset/type"),
        "expected one of audio, caption, html, image, luma, text, title, video, found \"vidoe\"; did you mean video?",
    );
    refused(
        |body| clip(body, "asset", json!({"type": "image"})),
        &format!("{at}/asset/src"),
        "is missing",
    );
    refused(
        |body| clip(body, "asset", json!({"src": "https://example.com/a.jpg"})),
        &format!("{at}/asset/type"),
        "is missing: one of audio, caption, html, image, luma, text, title, video",
    );
    refused(
        |body| body["output"]["fps"] = json!(26),
        "/output/fps",
        "expected one of 12, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60, found 26",
    );
    refused(
        |body| body["output"]["size"] = json!({"width": 100, "height": 100}),
        "/output/size",
        "size and resolution exclude one another",
    );
    refused(
        |body| body["output"]["format"] = "bmp".into(),
        "/output/format",
        "expected one of mp4, gif, mp3, jpg, png, found \"bmp\"",
    );
    refused(|body| body["output"] = "mp4".into(), "/output", "expected an object, found \"mp4\"");
    refused(
        |body| body["merge"] = json!([{"find": "A", "replace": {}}]),
        "/merge/0/replace",
        "expected a text, a number or a boolean, found an object",
    );
    refused(
        |body| body["callback_url"] = "http://example.com/".into(),
        "/callback_url",
        "expected a public https address: only https is allowed",
    );
    refused(|body| body["model"] = json!(7), "/model", "expected a text, found 7");
    let issues = read(json!({})).unwrap_err();
    assert_eq!(
        (issues[0].pointer.as_str(), issues[0].reason.as_str()),
        ("/timeline", "is missing")
    );
    // All of them, up to fifty.
    let issues =
        read(with(|body| body["timeline"]["tracks"][0]["clips"] = json!(vec![json!({}); 99])))
            .unwrap_err();
    assert_eq!(issues.len(), 50);
}

#[test]
fn transitions_have_a_pace() {
    for (word, is_good) in [
        ("fade", true),
        ("fadeFast", true),
        ("shuffleTopRightSlow", true),
        ("none", true),
        ("zoom", true),
        ("noneSlow", false),
        ("zoomFast", false),
        ("fadeSlowSlow", false),
        ("dissolve", false),
    ] {
        let body = with(|body| {
            body["timeline"]["tracks"][0]["clips"][0]["transition"] = json!({"in": word})
        });
        assert_eq!(read(body).is_ok(), is_good, "{word}");
    }
}

#[test]
fn sources_are_public_and_may_be_filled_in_by_merge() {
    let source = |src: &str, merge: Value| {
        read(with(|body| {
            body["timeline"]["tracks"][0]["clips"][0]["asset"]["src"] = src.into();
            body["merge"] = merge;
        }))
    };
    let found = |found: &str| json!([{"find": "HOST", "replace": found}]);
    for good in
        ["https://example.com/a.jpg?x=1", "{{LATER}}", "https://{{ HOST }}/a.jpg", "alias://a"]
    {
        assert!(source(good, found("example.com")).is_ok(), "{good}");
    }
    for bad in [
        "http://example.com/a.jpg",
        "https://127.0.0.1/a.jpg",
        "https://10.0.0.1/",
        "https://a.internal/x",
        "https://u:p@example.com/",
        "file:///etc/passwd",
        "a.jpg",
        "",
        "data:image/png;base64,AA",
    ] {
        let issues = source(bad, json!([])).unwrap_err();
        assert!(
            issues[0].reason.starts_with("expected a public https address"),
            "{bad}: {issues:?}"
        );
    }
    let issues = source("https://{{ HOST }}/a.jpg", found("169.254.169.254")).unwrap_err();
    assert!(issues[0].reason.contains("169.254.169.254"), "{issues:?}");
}

#[test]
fn numbers_and_words_may_be_filled_in_by_merge() {
    let body = with(|body| {
        body["timeline"]["tracks"][0]["clips"][0]["length"] = "{{ LENGTH }}".into();
        body["timeline"]["tracks"][0]["clips"][0]["fit"] = "{{FIT}}".into();
        body["merge"] = json!([{"find": "LENGTH", "replace": 3}]);
    });
    assert!(read(body).is_ok());
}

/// A few kilobytes that say "a billion times".
#[test]
fn what_merge_fills_in_has_an_end() {
    let pair = |n: usize| json!({"find": n.to_string(), "replace": format!("{{{{{}}}}}", n + 1).repeat(10)});
    let pairs: Value = (0..9).map(pair).collect();
    refused(
        |body| {
            body["timeline"]["tracks"][0]["clips"][0]["fit"] = "{{0}}".into();
            body["merge"] = pairs;
        },
        "/timeline/tracks/0/clips/0/fit",
        "expected at most 524288 bytes with merge filled in",
    );
    let pair = json!({"find": "A", "replace": "{{A}}{{A}}"});
    let issues = read(with(|body| body["merge"] = json!(vec![pair; 501]))).unwrap_err();
    assert!(
        issues.iter().any(|issue| issue.reason == "expected 0 to 500 entries, found 501"),
        "{issues:?}"
    );
}

#[test]
fn counts_have_an_end() {
    let tracks = vec![json!({"clips": vec![clip(); 600]}); 2];
    refused(
        |body| body["timeline"]["tracks"] = json!(tracks),
        "/timeline/tracks",
        "expected at most 1000 clips in all tracks, found 1200",
    );
}

#[test]
fn the_length_is_known_from_the_clips() {
    let usage = |change: &dyn Fn(&mut Value)| length::usage(&read(with(change)).unwrap().call.edit);
    let film = |media_ms| Usage { media_ms, requests: 1, ..Usage::default() };
    assert_eq!(usage(&|_| {}), film(2_000));
    let clips = |clips: Value| {
        move |body: &mut Value| body["timeline"]["tracks"][0]["clips"] = clips.clone()
    };
    let at = |start: Value, length: Value| {
        let mut clip = clip();
        (clip["start"], clip["length"]) = (start, length);
        clip
    };
    assert_eq!(
        usage(&clips(json!([at(json!(1.5), json!(0.1)), at("auto".into(), json!(3))]))),
        film(4_600)
    );
    assert_eq!(usage(&clips(json!([at(json!(0), "auto".into())]))), film(0));
    assert_eq!(
        usage(&|body| body["output"]["range"] = json!({"start": 0.5, "length": 9})),
        film(1_500)
    );
    let picture = Usage { images: 1, requests: 1, ..Usage::default() };
    assert_eq!(usage(&|body| body["output"] = json!({"format": "jpg"})), picture);
}
