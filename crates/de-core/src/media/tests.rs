use proptest::prelude::*;

use super::*;

/// Frames of MPEG 2, layer III, 24 kHz, 64 kbit/s: 24 ms each, as text to speech makes them.
fn mp3(frames: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xf3, 0x84, 0xc0];
    frame.resize(192, 0);
    frame.repeat(frames)
}

fn id3(bytes: &[u8]) -> Vec<u8> {
    [b"ID3\x04\0\0\0\0\0\x05hello", bytes].concat()
}

/// Frames of AAC, 44.1 kHz.
fn adts(frames: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc];
    frame.resize(16, 0);
    frame.repeat(frames)
}

fn wav(claimed: u32, samples: usize) -> Vec<u8> {
    let mut bytes = b"RIFF\xff\xff\xff\xffWAVE".to_vec();
    bytes.extend(
        b"LIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0data",
    );
    bytes.extend(claimed.to_le_bytes());
    bytes.resize(bytes.len() + samples * 2, 0);
    bytes
}

fn flac() -> Vec<u8> {
    let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
    bytes.extend([0; 10]);
    // 44.1 kHz, two channels, 16 bits, 66 150 samples.
    bytes.extend([0x0a, 0xc4, 0x42, 0xf0, 0x00, 0x01, 0x02, 0x66]);
    bytes.extend([0; 16]);
    bytes
}

fn page(position: u64, packet: &[u8]) -> Vec<u8> {
    let mut bytes = b"OggS\0\x02".to_vec();
    bytes.extend(position.to_le_bytes());
    bytes.extend(*b"\x07\0\0\0\0\0\0\0\0\0\0\0\x01");
    bytes.push(u8::try_from(packet.len()).unwrap());
    bytes.extend(packet);
    bytes
}

fn opus() -> Vec<u8> {
    let head = b"OpusHead\x01\x01\x38\x01\xc0\x5d\0\0\0\0\0";
    [page(0, head), page(48_312, &[1; 40]), page(u64::MAX, &[1; 40])].concat()
}

fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap();
    [&length.to_be_bytes()[..], name, content].concat()
}

fn movie(brand: &[u8; 8]) -> Vec<u8> {
    let mut mvhd = vec![0; 100];
    mvhd[12..20].copy_from_slice(&[0, 0, 3, 0xe8, 0, 0, 9, 0xc4]);
    let mut tkhd = vec![0; 84];
    let sound = boxed(b"trak", &boxed(b"tkhd", &tkhd));
    tkhd[76..84].copy_from_slice(&[5, 0, 0, 0, 2, 0xd0, 0, 0]);
    let picture = boxed(b"trak", &boxed(b"tkhd", &tkhd));
    let moov = boxed(b"moov", &[boxed(b"mvhd", &mvhd), sound, picture].concat());
    [boxed(b"ftyp", brand), boxed(b"mdat", &[0; 5_000]), moov].concat()
}

fn webm() -> Vec<u8> {
    // Of unknown length, as a stream is written.
    let mut bytes =
        b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
            .to_vec();
    bytes.extend(b"\x15\x49\xa9\x66\x8e\x2a\xd7\xb1\x83\x0f\x42\x40\x44\x89\x84");
    bytes.extend(1_500_f32.to_be_bytes());
    bytes.extend(b"\x16\x54\xae\x6b\x8c\xae\x8a\xe0\x88\xb0\x82\x05\x00\xba\x82\x02\xd0");
    bytes.extend([0xec, 0x41, 0x00]);
    bytes.resize(bytes.len() + 256, 0);
    bytes
}

fn avif() -> Vec<u8> {
    let ispe = boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0xd0]);
    let thumbnail = boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 160, 0, 0, 0, 90]);
    let turned = boxed(b"irot", &[1]);
    let ipco = boxed(b"ipco", &[thumbnail, ispe, turned].concat());
    let meta = [vec![0; 4], boxed(b"iprp", &ipco)].concat();
    [boxed(b"ftyp", b"avif\0\0\0\0"), boxed(b"meta", &meta)].concat()
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x05\0\0\0\x02\xd0\x08\x02\0\0\0";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\x02\xd0\x05\0\x03\x01";
const GIF: &[u8] = b"GIF89a\0\x05\xd0\x02\0\0\0";
const WEBP: &[u8] = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x04\0\xcf\x02\0";

#[test]
fn the_first_bytes_say_what_it_is() {
    let rows = [
        (adts(3), MediaType::Aac),
        (avif(), MediaType::Avif),
        (flac(), MediaType::Flac),
        (GIF.to_vec(), MediaType::Gif),
        (JPEG.to_vec(), MediaType::Jpeg),
        (movie(b"M4A \0\0\0\0"), MediaType::M4a),
        (movie(b"qt  \0\0\0\0"), MediaType::Mov),
        (mp3(3), MediaType::Mp3),
        (mp3(1), MediaType::Mp3),
        (id3(&mp3(3)), MediaType::Mp3),
        // Another rate of samples: a head that `infer` does not know.
        ([0xff, 0xe3, 0x48, 0xc0].to_vec(), MediaType::Mp3),
        (movie(b"isom\0\0\0\0"), MediaType::Mp4),
        (movie(b"iso9\0\0\0\0"), MediaType::Mp4),
        (opus(), MediaType::Ogg),
        (page(0, b"\x01vorbis"), MediaType::Ogg),
        (PNG.to_vec(), MediaType::Png),
        (wav(0, 0), MediaType::Wav),
        (webm(), MediaType::Webm),
        (WEBP.to_vec(), MediaType::Webp),
    ];
    for (bytes, expected) in rows {
        assert_eq!(sniff(&bytes), Ok(expected));
    }
}

#[test]
fn what_is_not_listed_is_named() {
    let utf16: Vec<u8> = "<html>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows: [(&[u8], &str); 19] = [
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "image/svg+xml"),
        (b"<?xml version=\"1.0\"?>\n<!-- x -->\n<svg/>", "image/svg+xml"),
        (b"\xef\xbb\xbf  <SVG onload=alert(1)>", "image/svg+xml"),
        (b"<?xml version=\"1.0\"?><rss/>", "text/xml"),
        (b"<!doctype html><html>", "text/html"),
        (b"\n\n <script>alert(1)</script>", "text/html"),
        (b"<b>502 Bad Gateway</b>", "text/html"),
        (b"{\"error\": \"no such voice\"}", "application/json"),
        (b"upstream connect error or disconnect/reset before headers", "text/plain"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "application/zip"),
        (b"\0asm\x01\0\0\0", "application/wasm"),
        (b"MZ\x90\0\0\0\0\0", "application/vnd.microsoft.portable-executable"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        // Two bytes that `infer` takes for MP3 and AAC.
        (b"\xff\xfb\0\0\0\0\0\0\0\0\0\0", "audio/mpeg"),
        (b"\xff\xf1\0\0\0\0\0\0\0\0\0\0", "audio/aac"),
        (&utf16, "application/octet-stream"),
        (b"\x01\x02\x03", "application/octet-stream"),
        (b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x07\x80theora", "audio/ogg"),
    ];
    for (bytes, found) in rows {
        assert_eq!(sniff(bytes), Err(MediaError::NotListed { found }), "{bytes:?}");
    }
    assert_eq!(sniff(b""), Err(MediaError::Empty));
}

#[test]
fn a_promise_is_held_against_the_bytes() {
    assert_eq!(expect(MediaKind::Image, PNG), Ok(MediaType::Png));
    let other = expect(MediaKind::Image, &mp3(3));
    assert_eq!(
        other,
        Err(MediaError::OtherKind { found: MediaType::Mp3, promised: MediaKind::Image })
    );
    assert_eq!(other.unwrap_err().to_string(), "image was promised, and the bytes are audio/mpeg");
}

fn size(width: u32, height: u32) -> Measures {
    Measures { duration_ms: None, height: Some(height), width: Some(width) }
}

fn time(duration_ms: u64) -> Measures {
    Measures { duration_ms: Some(duration_ms), ..Measures::default() }
}

#[test]
fn sizes_and_durations_are_read() {
    let film = |duration_ms| Measures { duration_ms: Some(duration_ms), ..size(1_280, 720) };
    let rows = [
        (PNG.to_vec(), size(1_280, 720)),
        (JPEG.to_vec(), size(1_280, 720)),
        (GIF.to_vec(), size(1_280, 720)),
        (WEBP.to_vec(), size(1_280, 720)),
        (avif(), size(720, 1_280)),
        (mp3(50), time(1_200)),
        (id3(&mp3(50)), time(1_200)),
        // A tag behind it, and garbage in the middle.
        ([mp3(25), vec![0; 300], mp3(25), b"TAG".to_vec()].concat(), time(1_200)),
        (adts(50), time(1_160)),
        (wav(48_000, 24_000), time(1_000)),
        // Nobody knew the length, or somebody lies.
        (wav(0, 24_000), time(1_000)),
        (wav(u32::MAX, 24_000), time(1_000)),
        (flac(), time(1_500)),
        (opus(), time(1_000)),
        (movie(b"isom\0\0\0\0"), film(2_500)),
        (movie(b"qt  \0\0\0\0"), film(2_500)),
        (webm(), film(1_500)),
    ];
    for (bytes, expected) in rows {
        let media = sniff(&bytes).unwrap();
        assert_eq!(measure(media, &Extent::whole(&bytes)), expected, "{media}");
    }
}

#[test]
fn both_ends_are_enough() {
    let rows = [
        (mp3(1_000), time(24_000)),
        (wav(0, 24_000), time(1_000)),
        ([opus(), page(96_312, &[1; 40])].concat(), time(2_000)),
        (movie(b"isom\0\0\0\0"), Measures { duration_ms: Some(2_500), ..size(1_280, 720) }),
    ];
    for (bytes, expected) in rows {
        let media = sniff(&bytes).unwrap();
        let (head, tail) = (&bytes[..200], &bytes[bytes.len().saturating_sub(500)..]);
        let ends = Extent::ends(head, tail, bytes.len() as u64);
        assert_eq!(measure(media, &ends), expected, "{media}");
    }
    // In the middle, where nobody looks.
    let bytes = [movie(b"isom\0\0\0\0"), boxed(b"free", &[0; 5_000])].concat();
    let ends = Extent::ends(&bytes[..200], &bytes[bytes.len() - 500..], bytes.len() as u64);
    assert_eq!(measure(MediaType::Mp4, &ends), Measures::default());
}

#[test]
fn samples_are_measured_by_what_was_ordered() {
    let pcm = RawAudio { channels: 1, encoding: RawEncoding::Pcm16, rate_hz: 24_000 };
    let ulaw = RawAudio { channels: 1, encoding: RawEncoding::Ulaw, rate_hz: 8_000 };
    assert_eq!(pcm.duration_ms(48_000), Some(1_000));
    assert_eq!(ulaw.duration_ms(4_000), Some(500));
    assert_eq!(RawAudio { rate_hz: 0, ..pcm }.duration_ms(48_000), None);
    assert_eq!(RawAudio { rate_hz: u32::MAX, ..pcm }.duration_ms(48_000), None);
    assert_eq!(pcm.expect(&[0; 64]), Ok(pcm));
    assert_eq!(pcm.expect(b"<\0"), Ok(pcm));
    assert_eq!(ulaw.expect(&[0x7f; 64]), Ok(ulaw));
    let page = b"<html><body>something went wrong</body>";
    assert_eq!(pcm.expect(page), Err(MediaError::NotListed { found: "text/html" }));
    assert_eq!(pcm.expect(b""), Err(MediaError::Empty));
}

/// All that is read, of anything.
fn read_all(bytes: &[u8]) {
    let _ = sniff(bytes);
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    for media in MediaType::ALL {
        for extent in [
            Extent::whole(bytes),
            Extent::ends(head, tail, bytes.len() as u64),
            Extent::ends(head, tail, u64::MAX),
        ] {
            let _ = measure(media, &extent);
        }
    }
}

fn samples() -> Vec<Vec<u8>> {
    let images = [PNG, JPEG, GIF, WEBP].map(<[u8]>::to_vec);
    let movies = [movie(b"isom\0\0\0\0"), avif(), webm()];
    let sounds = [mp3(3), id3(&mp3(3)), adts(3), wav(8, 4), flac(), opus()];
    images.into_iter().chain(movies).chain(sounds).collect()
}

#[test]
fn cut_bytes_are_no_harm() {
    for bytes in samples() {
        for length in 0..bytes.len().min(600) {
            read_all(&bytes[..length]);
        }
    }
}

proptest! {
    #[test]
    fn garbage_is_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        read_all(&bytes);
    }

    /// Real beginnings, with some bytes changed: lengths that lie.
    #[test]
    fn broken_bytes_are_no_harm(
        sample in 0_usize..13,
        changes in prop::collection::vec((0_usize..400, prop_oneof![Just(0), Just(255), any::<u8>()]), 1..8),
    ) {
        let mut bytes = samples().swap_remove(sample);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        read_all(&bytes);
    }
}

#[test]
fn no_head_makes_a_recording_shorter_than_its_bytes() {
    let check = |media: MediaType, bytes: &[u8], expected: u64| {
        assert_eq!(shortest_ms(media, &Extent::whole(bytes)), expected, "{media}");
    };
    check(MediaType::Wav, &[], 1);
    check(MediaType::Wav, &vec![0; 6_144_000], 1_000);
    check(MediaType::Mp3, &vec![0; 64_000], 1_000);
    check(MediaType::M4a, &vec![0; 576_000], 1_000);
    check(MediaType::Mp4, &vec![0; 6_144_000], 1_000);
    // 1,000 bytes of tag: a picture perhaps.
    let mut tagged = b"ID3\x04\0\0\0\0\x07\x5e".to_vec();
    tagged.resize(64_000 + 1_000, 0);
    check(MediaType::Mp3, &tagged, 1_000);
}

#[test]
fn samples_play_by_their_rate_whatever_the_head_says_of_bytes() {
    let wav = |tag: u16, told: u32| {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        bytes.extend(tag.to_le_bytes());
        bytes.extend([2, 0]);
        bytes.extend(8_000_u32.to_le_bytes());
        bytes.extend(told.to_le_bytes());
        bytes.extend([4, 0, 16, 0]);
        bytes.extend(b"data");
        bytes.extend(32_000_u32.to_le_bytes());
        bytes.resize(44 + 32_000, 0);
        measure(MediaType::Wav, &Extent::whole(&bytes)).duration_ms
    };
    for told in [32_000, 0, 1, u32::MAX] {
        assert_eq!(wav(1, told), Some(1_000), "{told}");
    }
    // Packed: nobody else tells.
    assert_eq!(wav(2, 16_000), Some(2_000));
    assert_eq!(wav(2, 0), None);
}
