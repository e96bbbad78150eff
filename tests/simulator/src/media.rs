//! Pictures, made by hand: small, valid, and the same every time.

use axum::body::Body;
use axum::extract::Path;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::control;

/// Width and height of every picture, in pixels; what was asked for stands only in the reply.
const SIDE: u32 = 16;

/// `GET /files/{name}`: the picture that a reply linked to, for any name that ends with `.png`.
pub(crate) async fn file(Path(name): Path<String>) -> Response<Body> {
    let Some(stem) = name.strip_suffix(".png") else {
        return control::not_found("only pictures, .png, are served");
    };
    let mut response = Response::new(Body::from(png(stem)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
    response
}

/// A PNG of one color, 16 by 16, that depends on the seed: two seeds most often differ.
pub(crate) fn png(seed: &str) -> Vec<u8> {
    let [_, red, green, blue] = checksum(seed.as_bytes()).to_be_bytes();
    // Each row begins with its filter: none.
    let mut row = vec![0];
    for _ in 0..SIDE {
        row.extend([red, green, blue]);
    }
    let pixels = row.repeat(SIDE as usize);
    let mut header = Vec::from(SIDE.to_be_bytes());
    header.extend(SIDE.to_be_bytes());
    // Eight bits a channel, red green blue, and the only methods there are, without interlacing.
    header.extend([8, 2, 0, 0, 0]);
    let mut file = Vec::from(*b"\x89PNG\r\n\x1a\n");
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"IDAT", &stored(&pixels));
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut named = Vec::from(name);
    named.extend_from_slice(content);
    file.extend(length.to_be_bytes());
    file.extend_from_slice(&named);
    file.extend(checksum(&named).to_be_bytes());
}

/// A zlib stream of one stored block: enough for less than 64 kB.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend_from_slice(bytes);
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend(((high << 16) | low).to_be_bytes());
    stream
}

/// The CRC-32 of PNG and zlib.
fn checksum(bytes: &[u8]) -> u32 {
    let mut rest = u32::MAX;
    for byte in bytes {
        rest ^= u32::from(*byte);
        for _ in 0..8 {
            rest = if rest & 1 == 1 { (rest >> 1) ^ 0xEDB8_8320 } else { rest >> 1 };
        }
    }
    !rest
}

#[cfg(test)]
mod tests {
    use super::{checksum, png};

    #[test]
    fn checksum_is_the_known_one() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum(b"IEND"), 0xAE42_6082);
    }

    #[test]
    fn files_have_their_parts() {
        let file = png("a");
        assert!(file.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert!(file.ends_with(b"IEND\xAE\x42\x60\x82"));
        assert_ne!(file, png("b"));
    }
}
