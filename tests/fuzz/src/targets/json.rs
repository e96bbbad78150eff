//! Bodies: what is read as JSON is read by everybody in the same way, and changes of a member touch no other.

use bytes::Bytes;
use de_core::json::{self, MAX_DEPTH, verbatim::Verbatim};
use serde_json::{Value, json};

pub(super) fn run(input: &[u8]) {
    let read = json::parse(input);
    if let Ok(value) = &read {
        assert!(depth(value) <= MAX_DEPTH);
        // The usual reader takes it too, and for the same; what it writes says the same again.
        let usual: Value = serde_json::from_slice(input).expect("what is strict is usual");
        assert_eq!(*value, usual);
        let again = json::parse(value.to_string().as_bytes()).expect("what is written is JSON");
        assert!(is_same(value, &again), "{value} became {again}");
    }
    let object = json::object(input);
    assert_eq!(object.is_ok(), read.as_ref().is_ok_and(Value::is_object));
    let verbatim = Verbatim::parse(Bytes::copy_from_slice(input));
    assert_eq!(verbatim.is_ok(), object.is_ok());
    if let (Ok(members), Ok(mut verbatim)) = (object, verbatim) {
        assert_eq!(*verbatim.members(), members);
        let names: Vec<&String> = members.keys().collect();
        let (first, last) = (names.first(), names.last());
        if let Some(name) = first {
            verbatim.set(name, json!({"set": ["\u{e9}", 0.5]}));
            holds(&verbatim);
        }
        if let Some(name) = last {
            verbatim.rename(name, "renamed\"");
            holds(&verbatim);
            verbatim.remove(name);
            holds(&verbatim);
        }
        verbatim.remove("renamed\"");
        holds(&verbatim);
    }
}

/// The text says what the value says.
fn holds(verbatim: &Verbatim) {
    let told = json::parse(&verbatim.text()).expect("what was changed is still JSON");
    assert!(is_same(&told, &verbatim.value()), "{told} instead of {}", verbatim.value());
}

/// Whether two values say the same. The reader may miss a float of many digits by its last bit, or by two of them when
/// it has been written in between: exact reading (`float_roundtrip`) takes it twice as long.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            let pairs = one.iter().zip(other);
            one.len() == other.len()
                && pairs.into_iter().all(|((a, x), (b, y))| a == b && is_same(x, y))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let bits = |number: &serde_json::Number| number.as_f64().map_or(0, f64::to_bits);
            bits(one).abs_diff(bits(other)) <= 2
        }
        _ => one == other,
    }
}

fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    inner.unwrap_or(0) + 1
}
