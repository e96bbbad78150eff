//! An instance, and all that is below it, taken away.

use std::{fs, io, path::Path};

use serde_json::{Map, Value};

use crate::gateway::{Gateway, GatewayError, members, plain, text};

/// What would go with an instance, by kind.
///
/// # Errors
/// [`GatewayError`]; 404 if there is none that the key may see.
pub fn below(gateway: &Gateway, instance: &str) -> Result<Map<String, Value>, GatewayError> {
    let path = format!("/v1/instances/{}?cascade=true&dry_run=true", plain(instance));
    let told = gateway.delete(&path, None)?.body;
    Ok(told.get("would_delete").map(members).unwrap_or_default())
}

/// Removes an instance with all that is below it. One that is gone already is fine.
///
/// # Errors
/// [`GatewayError`].
pub fn instance(gateway: &Gateway, instance: &str) -> Result<(), GatewayError> {
    let path = format!("/v1/instances/{}?cascade=true", plain(instance));
    match gateway.delete(&path, None) {
        Ok(_) => Ok(()),
        Err(GatewayError::Refused { refusal, .. }) if refusal.status == 404 => Ok(()),
        Err(error) => Err(error),
    }
}

/// Saves the bytes of every asset of an instance into a folder, and what the gateway says of them into
/// `assets.json` beside them. What is there whole already is not fetched again. How many there are comes back.
///
/// # Errors
/// [`GatewayError`]; what the disk says is the problem of a `Lost`.
pub fn save_assets(
    gateway: &Gateway,
    instance: &str,
    folder: &Path,
) -> Result<usize, GatewayError> {
    let disk = |path: &Path, error: &io::Error| GatewayError::Lost {
        method: "GET",
        path: "/v1/assets".to_owned(),
        problem: format!("{}: {error}", path.display()),
    };
    fs::create_dir_all(folder).map_err(|error| disk(folder, &error))?;
    let assets = gateway.list_with("/v1/assets", "", &[("x-instance-id", instance)])?;
    for asset in &assets {
        let (id, size) = (text(asset, "id"), asset.get("size_bytes").and_then(Value::as_u64));
        let kind = text(asset, "content_type").rsplit('/').next().unwrap_or("bin");
        let is_plain = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte))
        };
        if !is_plain(id) || !is_plain(kind) || id.starts_with('.') {
            let error = io::Error::other("an asset has an id that is no name for a file");
            return Err(disk(folder, &error));
        }
        let path = folder.join(format!("{id}.{kind}"));
        if size.is_some() && fs::metadata(&path).ok().map(|found| found.len()) == size {
            continue;
        }
        let part = folder.join(format!("{id}.part"));
        gateway.bytes(&format!("/assets/{}", plain(id)), |bytes| {
            let mut file = fs::File::create(&part)?;
            let copied = io::copy(bytes, &mut file)?;
            if size.is_some_and(|size| size != copied) {
                return Err(io::Error::other("it broke off"));
            }
            file.sync_all()?;
            fs::rename(&part, &path)
        })?;
    }
    let list = folder.join("assets.json");
    let text = format!("{:#}\n", Value::Array(assets.iter().map(without_link).collect()));
    fs::write(&list, text).map_err(|error| disk(&list, &error))?;
    Ok(assets.len())
}

/// A link opens the asset to whoever has it, and ends soon.
fn without_link(asset: &Value) -> Value {
    let mut asset = members(asset);
    asset.shift_remove("url");
    asset.shift_remove("url_expires_at");
    Value::Object(asset)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::save_assets;
    use crate::gateway::tests::{answer, server};

    #[test]
    fn assets_are_saved_whole_and_once_and_without_their_links() {
        let list = || {
            let asset = r#"{"id": "asset_1", "content_type": "image/png", "size_bytes": 5, "url": "https://a"}"#;
            answer("200 OK", "", &format!(r#"{{"data": [{asset}], "next_cursor": null}}"#))
        };
        let (gateway, serving) = server(vec![
            list(),
            answer("200 OK", "", "cut"),
            list(),
            answer("200 OK", "", "whole"),
            list(),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let save = || save_assets(&gateway, "inst_1", folder.path());
        assert!(save().unwrap_err().to_string().contains("it broke off"));
        assert!(!folder.path().join("asset_1.png").exists());
        assert_eq!(save().unwrap(), 1);
        assert_eq!(fs::read_to_string(folder.path().join("asset_1.png")).unwrap(), "whole");
        let list = fs::read_to_string(folder.path().join("assets.json")).unwrap();
        assert!(list.contains("asset_1") && !list.contains("https://a"), "{list}");
        // What is there is not fetched again: the server has no more answers.
        assert_eq!(save().unwrap(), 1);
        let asked = serving.join().unwrap();
        assert!(asked[0].contains("x-instance-id: inst_1\r\n"), "{}", asked[0]);
        assert!(asked[1].starts_with("GET /assets/asset_1 HTTP/1.1"), "{}", asked[1]);
    }
}
