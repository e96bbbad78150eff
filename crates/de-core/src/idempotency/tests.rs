use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::{
    wire::{framed, unframed},
    *,
};

const NOW: UnixMillis = UnixMillis(1_795_608_000_000);
const HOLD_MS: i64 = 30_000;

fn token(number: u8) -> Token {
    Token::make(NOW, [number; 16])
}

fn ask(holder: u8) -> Ask {
    about("hello", holder)
}

fn about(question: &str, holder: u8) -> Ask {
    Ask { fingerprint: question.to_owned(), hold_ms: HOLD_MS, holder: token(holder), kept_ms: None }
}

fn kept(status: u16) -> Kept {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Kept { blob: None, head: Head { headers, status } }
}

fn claimed(repeated: bool, of: u8) -> Answer {
    Answer::Claimed { repeated, token: token(of) }
}

fn late() -> UnixMillis {
    NOW.plus(HOLD_MS)
}

#[test]
fn one_holder_at_a_time_and_then_the_answer() {
    let mut claim = Claim::default();
    assert_eq!(claim.claim(NOW, &ask(1)), claimed(false, 1));
    assert_eq!(claim.claim(NOW, &ask(1)), claimed(false, 1), "its answer was lost");
    assert_eq!(claim.claim(NOW, &ask(2)), Answer::InProgress { left_ms: HOLD_MS });
    assert_eq!(claim.claim(NOW, &about("bye", 2)), Answer::Mismatch);
    assert!(claim.sent(NOW, &token(1), 60_000));
    assert!(claim.sent(NOW, &token(1), 60_000), "its answer was lost");
    assert_eq!(claim.claim(late(), &ask(2)), Answer::InProgress { left_ms: 30_000 });
    assert!(claim.finish(NOW, &token(1), kept(200)));
    assert!(claim.finish(NOW, &token(1), kept(500)), "the first stays");
    let replay = Answer::Replay { head: kept(200).head };
    assert_eq!(claim.claim(late(), &ask(2)), replay);
    assert_eq!(claim.claim(late(), &about("bye", 2)), Answer::Mismatch);
    claim.end(late(), &token(1), End::Released);
    assert_eq!(claim.claim(late(), &ask(2)), replay, "what is answered is not released");
}

#[test]
fn who_vanishes_before_sending_is_followed_and_may_not_send_any_more() {
    let mut claim = Claim::default();
    claim.claim(NOW, &ask(1));
    assert_eq!(claim.claim(late(), &ask(2)), claimed(true, 1), "the token survives");
    assert!(!claim.sent(late(), &token(1), 60_000));
    assert!(!claim.finish(NOW, &token(1), kept(200)));
    claim.end(late(), &token(1), End::Released);
    assert!(claim.sent(late(), &token(2), 60_000));
    let mut left = Claim::default();
    left.claim(NOW, &ask(1));
    left.end(NOW, &token(1), End::Left);
    assert_eq!(left.claim(NOW, &about("bye", 2)), Answer::Mismatch);
    assert_eq!(left.claim(NOW, &ask(2)), claimed(true, 1), "at once");
}

#[test]
fn who_vanishes_after_sending_is_followed_by_nobody() {
    let unknown = Answer::Unknown { why: Why::Lost };
    let mut claim = Claim::default();
    claim.claim(NOW, &ask(1));
    assert!(claim.sent(NOW, &token(1), 60_000));
    let mut left = claim.clone();
    let over = NOW.plus(60_000);
    assert_eq!(claim.claim(over, &ask(2)), unknown);
    assert!(!claim.sent(over, &token(2), 60_000));
    assert!(claim.finish(NOW, &token(1), kept(200)), "it was only late");
    assert_eq!(claim.claim(over, &ask(2)), Answer::Replay { head: kept(200).head });
    left.end(NOW, &token(1), End::Left);
    assert_eq!(left.claim(NOW, &ask(2)), unknown, "at once");
    assert!(!left.awaits(&token(1)) && !left.finish(NOW, &token(1), kept(200)));
}

#[test]
fn what_was_not_bought_may_be_asked_anew_with_another_question() {
    let mut claim = Claim::default();
    claim.claim(NOW, &ask(1));
    assert!(claim.sent(NOW, &token(1), 60_000));
    claim.end(NOW, &token(1), End::Released);
    assert_eq!(claim, Claim::default());
    assert!(!claim.sent(NOW, &token(1), 60_000), "a message that was late");
    assert_eq!(claim.claim(NOW, &about("bye", 2)), claimed(false, 2));
}

#[test]
fn a_claim_that_was_taken_over_keeps_its_token_when_it_is_released() {
    let mut claim = Claim::default();
    claim.claim(NOW, &ask(1));
    claim.claim(late(), &ask(2));
    claim.end(late(), &token(2), End::Released);
    // The first one may wake up and make the token's job.
    assert_eq!(claim.claim(late(), &about("bye", 3)), Answer::Mismatch);
    assert_eq!(claim.claim(late(), &ask(3)), claimed(true, 1));
}

#[test]
fn a_day_later_all_is_forgotten() {
    let mut claim = Claim::default();
    claim.claim(NOW, &ask(1));
    assert!(claim.finish(NOW, &token(1), kept(200)));
    let day = NOW.plus(KEPT_MS);
    assert_eq!(claim.expires_at(), Some(day));
    assert_eq!(claim.clone().drop_expired(day.plus(-1)), None);
    assert_eq!(claim.clone().drop_expired(day), Some(kept(200)));
    assert_eq!(claim.claim(day, &about("bye", 2)), claimed(false, 2));
}

#[test]
fn what_counts_for_a_minute_counts_from_its_end() {
    const MINUTE_MS: i64 = 60_000;
    let brief = |holder: u8| Ask { kept_ms: Some(MINUTE_MS), ..ask(holder) };
    let mut held = Claim::default();
    held.claim(NOW, &brief(1));
    assert_eq!(held.expires_at(), Some(late().plus(MINUTE_MS)));
    // Taken over, it is held for as long again.
    assert_eq!(held.claim(late(), &brief(2)), claimed(true, 1));
    let second = late().plus(HOLD_MS);
    assert_eq!(held.expires_at(), Some(second.plus(MINUTE_MS)));
    let at = late().plus(1_000);
    let mut unknown = held.clone();
    assert!(held.finish(at, &token(2), kept(200)));
    assert!(held.finish(at.plus(5), &token(2), kept(200)), "its answer was lost");
    unknown.end(at, &token(2), End::Unknown { why: Why::TooLarge });
    for claim in [held, unknown] {
        assert_eq!(claim.expires_at(), Some(at.plus(MINUTE_MS)));
        let mut claim: Claim = serde_json::from_value(json!(claim)).unwrap();
        assert!(!matches!(claim.claim(at.plus(MINUTE_MS - 1), &brief(3)), Answer::Claimed { .. }));
        assert_eq!(claim.claim(at.plus(MINUTE_MS), &brief(3)), claimed(false, 3));
    }
}

#[test]
fn a_reply_that_is_too_large_says_so() {
    let mut claim = Claim::default();
    claim.claim(NOW, &ask(1));
    claim.end(NOW, &token(1), End::Unknown { why: Why::TooLarge });
    claim.end(NOW, &token(1), End::Left);
    assert_eq!(claim.claim(NOW, &ask(2)), Answer::Unknown { why: Why::TooLarge });
}

/// Objects hold this for a day across deploys: a change makes them forget what was bought.
#[test]
fn the_form_of_a_claim_is_stable() {
    let mut claim = Claim::default();
    let shown = |claim: &Claim| serde_json::to_value(claim).unwrap();
    assert_eq!(shown(&claim), json!(null));
    claim.claim(NOW, &ask(1));
    let one = "01a21293b60001010101010101010101010101010101";
    let mut expected = json!({
        "expires_at": 1_795_694_400_000_i64, "fingerprint": "hello", "holder": one, "repeated": false,
        "state": {"is": "held", "until": 1_795_608_030_000_i64}, "token": one,
    });
    assert_eq!(shown(&claim), expected);
    assert!(claim.sent(NOW, &token(1), 60_000));
    expected["state"] = json!({"is": "sent", "until": 1_795_608_060_000_i64});
    assert_eq!(shown(&claim), expected);
    let mut lost = claim.clone();
    lost.end(NOW, &token(1), End::Left);
    expected["state"] = json!({"is": "unknown", "why": "lost"});
    assert_eq!(shown(&lost), expected);
    assert!(claim.finish(NOW, &token(1), Kept { blob: Some("claims/a".to_owned()), ..kept(200) }));
    let head = json!({"headers": [["content-type", "application/json"]], "status": 200});
    expected["state"] = json!({"is": "done", "kept": {"blob": "claims/a", "head": head}});
    assert_eq!(shown(&claim), expected);
    for state in [claim, lost, Claim::default()] {
        assert_eq!(serde_json::from_value::<Claim>(shown(&state)).unwrap(), state);
    }
}

#[test]
fn a_token_makes_one_id_whoever_makes_it() {
    let made = Token::make(NOW, *b"0123456789abcdef");
    assert_eq!(made.random(), *b"0123456789");
    let text = made.to_string();
    assert_eq!(Token::parse(&text), Some(made));
    for bad in ["", "01a", &text[1..], &format!("{text}0"), &text.replace('a', "é")] {
        assert_eq!(Token::parse(bad), None, "{bad}");
    }
    assert_eq!(Token::make(UnixMillis(-1), [0; 16]).made_at(), UnixMillis(0));
}

#[test]
fn a_line_and_bytes_are_told_apart() {
    for body in [&b""[..], b"\n\n", b"plain", &[0xff, b'\n', 0]] {
        let all = framed(&about("a\nb", 1), body).unwrap();
        let (line, rest): (Ask, Bytes) = unframed(all).unwrap();
        assert_eq!((line, &*rest), (about("a\nb", 1), body));
    }
    assert!(unframed::<Ask>(Bytes::from_static(b"nothing")).is_err());
    assert!(unframed::<Ask>(Bytes::new()).is_err());
}

/// A holder's next step, as its code does it one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// Asks for the claim.
    Asks,
    /// Has it: says that it sends, or makes the job.
    Has(Token),
    /// Has sent and knows what came of it.
    Answered,
    /// Has an end to tell.
    Ends(End),
    Over,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// One step of a holder; what it asks arrives, and its answer may be lost.
    Runs {
        arrives: bool,
        fate: u8,
        holder: usize,
        hears: bool,
    },
    /// It is gone for good.
    Dies {
        holder: usize,
    },
    /// A message that it had sent before arrives a second time.
    Again {
        holder: usize,
    },
    Time {
        ms: i64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let holder = 0_usize..5;
    let often = prop_oneof![4 => Just(true), 1 => Just(false)];
    prop_oneof![
        12 => (often.clone(), any::<u8>(), holder.clone(), often)
            .prop_map(|(arrives, fate, holder, hears)| Event::Runs { arrives, fate, holder, hears }),
        1 => holder.clone().prop_map(|holder| Event::Dies { holder }),
        1 => holder.prop_map(|holder| Event::Again { holder }),
        2 => (0_i64..2 * HOLD_MS).prop_map(|ms| Event::Time { ms }),
    ]
}

/// One claim, five requests with the same key, two questions.
struct World {
    /// What a vendor was sent and may bill, by the question.
    bought: Vec<String>,
    claim: Claim,
    jobs: bool,
    /// The jobs that were made, by token, with their question.
    made: Vec<(Token, String)>,
    now: UnixMillis,
    steps: [Step; 5],
}

impl World {
    fn new(jobs: bool) -> Self {
        let claim = Claim::default();
        Self { bought: Vec::new(), claim, jobs, made: Vec::new(), now: NOW, steps: [Step::Asks; 5] }
    }

    fn ask(holder: usize) -> Ask {
        about(if holder == 4 { "bye" } else { "hello" }, u8::try_from(holder).unwrap())
    }

    fn run(&mut self, holder: usize, arrives: bool, hears: bool, fate: u8) {
        let me = World::ask(holder).holder;
        let question = World::ask(holder).fingerprint;
        let heard = arrives && hears;
        self.steps[holder] = match self.steps[holder] {
            Step::Asks if arrives => match self.claim.claim(self.now, &World::ask(holder)) {
                Answer::Claimed { token, .. } if hears => Step::Has(token),
                Answer::Claimed { .. } | Answer::InProgress { .. } => Step::Asks,
                Answer::Replay { .. } => {
                    let known: Vec<_> = self.made.iter().map(|(_, asked)| asked).collect();
                    assert!(self.bought.contains(&question) || known.contains(&&question));
                    Step::Over
                }
                Answer::Mismatch | Answer::Unknown { .. } => Step::Over,
            },
            Step::Asks => Step::Asks,
            // A limit stood in the way.
            Step::Has(_) if self.jobs && fate.is_multiple_of(4) => Step::Ends(End::Released),
            Step::Has(token) if self.jobs => {
                // Making a job that is there is none.
                if self.made.iter().all(|(known, _)| *known != token) {
                    self.made.push((token, question));
                } else {
                    assert!(self.made.contains(&(token, question)), "a job of another question");
                }
                Step::Answered
            }
            Step::Has(_) => {
                let mine = arrives && self.claim.sent(self.now, &me, HOLD_MS);
                match (mine && heard, fate % 3) {
                    // Not told that it may: nothing is sent.
                    (false, _) => Step::Ends(End::Released),
                    (true, 0) => Step::Ends(End::Released), // The vendor refused.
                    (true, fate) => {
                        self.bought.push(question);
                        if fate == 1 { Step::Answered } else { Step::Ends(End::Left) }
                    }
                }
            }
            Step::Answered => {
                let taken = arrives && self.claim.finish(NOW, &me, kept(200));
                if taken && hears { Step::Over } else { Step::Answered }
            }
            Step::Ends(end) => {
                if arrives {
                    self.claim.end(self.now, &me, end);
                }
                if heard { Step::Over } else { Step::Ends(end) }
            }
            Step::Over => Step::Over,
        };
    }

    fn again(&mut self, holder: usize) {
        let me = World::ask(holder).holder;
        match self.steps[holder] {
            // Asking again is what it does next anyway.
            Step::Asks | Step::Has(_) | Step::Over => {}
            Step::Answered if !self.jobs => {
                let _ = self.claim.sent(self.now, &me, HOLD_MS);
            }
            Step::Answered => {}
            Step::Ends(end) => self.claim.end(self.now, &me, end),
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Runs { arrives, fate, holder, hears } => self.run(holder, arrives, hears, fate),
            Event::Dies { holder } => self.steps[holder] = Step::Over,
            Event::Again { holder } => self.again(holder),
            Event::Time { ms } => self.now = self.now.plus(ms),
        }
        let bought = if self.jobs { self.made.len() } else { self.bought.len() };
        assert!(bought <= 1, "bought twice: {:?} {:?}", self.bought, self.made);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_runs_and_whatever_is_lost_it_is_bought_once(
        jobs in any::<bool>(),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut world = World::new(jobs);
        for event in events {
            world.happens(event);
        }
    }
}
