use proptest::prelude::*;

use super::*;

type Items = Vec<Result<Event, SseError>>;

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Items {
    let mut decoder = Decoder::default();
    let mut events: Items = chunks.into_iter().flat_map(|chunk| decoder.push(chunk)).collect();
    events.extend(decoder.finish());
    events
}

fn event(name: Option<&str>, data: &str) -> Result<Event, SseError> {
    Ok(Event { event: name.map(str::to_owned), data: data.to_owned() })
}

#[track_caller]
fn check(text: &str, expected: &[(Option<&str>, &str)]) {
    let expected: Items = expected.iter().map(|(name, data)| event(*name, data)).collect();
    assert_eq!(read([text.as_bytes()]), expected, "{text:?}");
    for at in 0..text.len() {
        let (head, tail) = text.as_bytes().split_at(at);
        assert_eq!(read([head, tail]), expected, "{text:?} cut at {at}");
    }
    assert_eq!(read(text.as_bytes().chunks(1)), expected, "{text:?} byte by byte");
}

#[test]
fn events_end_at_blank_lines_of_any_kind() {
    let two = [(None, "a"), (None, "b")];
    check("data: a\n\ndata: b\n\n", &two);
    check("data: a\r\n\r\ndata: b\r\n\r\n", &two);
    check("data: a\r\rdata: b\r\r", &two);
    check("data: a\n\r\ndata: b\r\n\n", &two);
    check("\n\n\ndata: a\n\n\n\ndata: b\n\n", &two);
}

#[test]
fn the_last_event_needs_no_blank_line() {
    check("data: a\n\ndata: b", &[(None, "a"), (None, "b")]);
    check("data: a\n", &[(None, "a")]);
    check("event: x\n", &[]);
}

#[test]
fn fields_are_read_as_specified() {
    check("data:a\ndata:  b\ndata\n\n", &[(None, "a\n b\n")]);
    check(": ping\n\nevent: x\nid: 7\nretry: 1\ndata: {}\n\n", &[(Some("x"), "{}")]);
    check("event: lost\n\ndata: a\n\n", &[(None, "a")]);
    check("data:\n\n", &[(None, "")]);
    check("Data: a\ndatabase: b\n\n", &[]);
    check("event:\ndata: a: b\n\n", &[(None, "a: b")]);
    check("\u{feff}data: a\n\n\u{feff}data: b\n\n", &[(None, "a")]);
    check("data: é日🦀\n\n", &[(None, "é日🦀")]);
}

#[test]
fn bytes_that_are_no_text_end_the_stream() {
    let expected = vec![event(None, "a"), Err(SseError::NotUtf8)];
    let bytes = b"data: a\n\ndata: \xff\n\ndata: b\n\n";
    assert_eq!(read([bytes.as_slice()]), expected);
    assert_eq!(read(bytes.chunks(1)), expected);
    assert_eq!(read([b"data: \xc3".as_slice()]), [Err(SseError::NotUtf8)]);
}

#[test]
fn an_endless_event_is_refused() {
    let exact = format!("data:{}\n\n", "x".repeat(MAX_EVENT_BYTES - 6));
    assert!(matches!(read([exact.as_bytes()]).as_slice(), [Ok(_)]));
    for endless in ["x".repeat(MAX_EVENT_BYTES + 1), ":\n".repeat(MAX_EVENT_BYTES)] {
        assert_eq!(read([endless.as_bytes()]), [Err(SseError::TooLong)]);
        assert_eq!(read(endless.as_bytes().chunks(4096)), [Err(SseError::TooLong)]);
    }
}

#[test]
fn a_block_is_an_event_with_its_blank_line() {
    let bytes = b": c\n\ndata: a\r\n\r\n\ndata: b\r\rdata: c";
    let blocks = split(bytes.chunks(3));
    let expected: Vec<&[u8]> =
        vec![b": c\n\n", b"data: a\r\n\r\n", b"\n", b"data: b\r\r", b"data: c"];
    assert_eq!(blocks, expected);
}

#[test]
fn what_is_encoded_is_read_back() {
    assert_eq!(encode(None, "{}"), "data: {}\n\n");
    assert_eq!(encode(Some("error"), "a\nb"), "event: error\ndata: a\ndata: b\n\n");
    check(&encode(Some("x"), "a\r\nb\rc"), &[(Some("x"), "a\nb\nc")]);
}

/// Cuts bytes where events end; the last block may lack its blank line.
fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut boundary, mut blocks, mut block) = (Boundary::default(), Vec::new(), Vec::new());
    for mut rest in chunks {
        while let Some(end) = boundary.find(rest) {
            let (head, tail) = rest.split_at(end);
            block.extend_from_slice(head);
            blocks.push(core::mem::take(&mut block));
            rest = tail;
        }
        block.extend_from_slice(rest);
    }
    blocks.extend(Some(block).filter(|block| !block.is_empty()));
    blocks
}

/// Bytes in which line ends, fields and broken characters are frequent.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"data: ".to_vec()),
        Just(b"event:".to_vec()),
        Just(b":".to_vec()),
        Just(BOM.to_vec()),
        Just("é🦀".as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(bytes in stream(), size in 1_usize..9) {
        prop_assert_eq!(read(bytes.chunks(size)), read([bytes.as_slice()]));
    }

    #[test]
    fn blocks_joined_are_the_input(bytes in stream(), size in 1_usize..9) {
        let blocks = split(bytes.chunks(size));
        prop_assert_eq!(&blocks, &split([bytes.as_slice()]));
        prop_assert_eq!(blocks.concat(), bytes);
    }

    #[test]
    fn a_block_holds_the_event_that_the_decoder_sees(bytes in stream()) {
        // A mark at the head of a later block is no mark for the whole stream.
        let bytes = String::from_utf8_lossy(&bytes).replace('\u{feff}', "").into_bytes();
        let events = read([bytes.as_slice()]);
        let blocks: Items = split([bytes.as_slice()]).iter().flat_map(|block| read([block.as_slice()])).collect();
        prop_assert_eq!(blocks, events);
    }

    #[test]
    fn any_text_is_encoded_whole(data in "[a-z\n :é]{0,40}") {
        let text = encode(Some("x"), &data);
        prop_assert_eq!(read([text.as_bytes()]), vec![event(Some("x"), &data)]);
    }
}
