//! The books, summed: exact at any time, whatever came late, came twice, was summed or has gone.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::{BTreeMap, BTreeSet};

use de_core::{
    histogram::{BOUNDS_MS, Histogram},
    ids::{ApiKeyId, InstanceId, ModelId, OrganizationId, ProjectId, ReceiptId, RequestId, UserId},
    money::Micros,
    ports::{Database, Row, Statement, rows},
    receipt::{Receipt, ReceiptStatus, Usage},
    store::{
        pages::PageQuery,
        usage::{
            self,
            requests::{self, RequestQuery},
            rollups::{self, BLOCK_MS, DAY_MS, HOUR_MS, Mark},
            selection::{Reader, Selection},
            sums::{self, By, Group, Step, SumQuery, Sums},
        },
    },
    time::UnixMillis,
};
use de_testkit::database::SqliteDatabase;
use proptest::prelude::*;

/// A Tuesday, ten to nine in the morning.
const START: i64 = 1_795_596_600_000;

/// As long as rows stay once they were summed.
const KEPT: i64 = rollups::LEAST_RETENTION_DAYS * DAY_MS;

const RECEIPT: &str = r#"{"receipt_id":"rcpt_1","request_id":"r-1","organization_id":"org_1","instance_id":"inst_1","project_id":"proj_1","api_key_id":"key_1","user_id":null,"model_id":"m","requested_model_id":"small","provider_id":"openai","protocol":"openai-chat","modality":"text","operation":"POST /v1/chat/completions","status":"ok","http_status":200,"error_code":null,"streamed":true,"input_tokens":9,"output_tokens":3,"requests":1,"cost_micros":4,"price_version":2,"price_valid_from":1790000000000,"estimated":false,"over_ceiling":false,"limiter_bypassed":false,"attempts":[],"latency_ms":130,"first_byte_ms":40,"upstream_ms":120,"request_bytes":80,"response_bytes":512,"admitted_at":1795608000500,"created_at":1795608000600}"#;

fn receipt(number: usize, instance: u8, admitted_at: i64) -> Receipt {
    let made: Receipt = serde_json::from_str(RECEIPT).unwrap();
    let failed = number.is_multiple_of(5);
    Receipt {
        receipt_id: ReceiptId::parse(&format!("rcpt_{number:08}")).unwrap(),
        organization_id: OrganizationId::parse(if instance < 2 { "org_1" } else { "org_2" })
            .unwrap(),
        instance_id: InstanceId::parse(&format!("inst_{instance}")).unwrap(),
        project_id: (!number.is_multiple_of(7))
            .then(|| ProjectId::parse(&format!("proj_{instance}-{}", number % 2)).unwrap()),
        model_id: (!number.is_multiple_of(11))
            .then(|| ModelId::parse(["a", "b", "c"][number % 3]).unwrap()),
        status: if failed { ReceiptStatus::Failed } else { ReceiptStatus::Ok },
        error_code: failed.then(|| "PROVIDER_ERROR".to_owned()),
        usage: Usage { input_tokens: number as u64, images: 1, ..made.usage },
        cost_micros: (!number.is_multiple_of(4)).then_some(Micros(number as i64)),
        estimated: number.is_multiple_of(6),
        cached: number.is_multiple_of(8),
        // Refused calls that share a receipt.
        calls: if number.is_multiple_of(9) { 1 + number as u64 % 50 } else { 1 },
        latency_ms: (number * 7_919 % 90_000) as i64,
        first_byte_ms: (!number.is_multiple_of(3)).then_some((number * 104_729 % 5_000) as i64),
        admitted_at: UnixMillis(admitted_at),
        created_at: UnixMillis(admitted_at + 10),
        ..made
    }
}

struct Books {
    database: SqliteDatabase,
    now: i64,
    /// All that ever came, whether it is there or gone.
    truth: BTreeMap<ReceiptId, Receipt>,
}

impl Books {
    fn new() -> Self {
        Self { database: SqliteDatabase::migrated().unwrap(), now: START, truth: BTreeMap::new() }
    }

    async fn run(&self, statements: Vec<Statement>) -> Vec<Vec<Row>> {
        self.database.batch(statements).await.unwrap()
    }

    async fn deliver(&mut self, receipts: &[Receipt]) {
        let text = serde_json::to_string(receipts).unwrap();
        self.run(usage::deliver(&text).to_vec()).await;
        for receipt in receipts {
            self.truth.entry(receipt.receipt_id.clone()).or_insert_with(|| receipt.clone());
        }
    }

    async fn marks(&self) -> Vec<Mark> {
        let this_hour = UnixMillis(self.now - self.now % HOUR_MS);
        rows(&self.database, rollups::marks(this_hour, None)).await.unwrap()
    }

    /// Sums one batch of what is marked.
    async fn sum_up(&self) -> usize {
        let marks = self.marks().await;
        self.run(rollups::sum_up(&marks, UnixMillis(self.now))).await.last().unwrap().len()
    }

    async fn sum_all_up(&self) {
        while self.sum_up().await > 0 {}
    }

    async fn prune(&self) -> usize {
        let now = UnixMillis(self.now);
        self.run(rollups::add_late(now)).await;
        self.run(rollups::prune(now).to_vec()).await.last().unwrap().len()
    }

    async fn read(&self, query: &SumQuery<'_>) -> BTreeMap<Group, Sums> {
        sums::read(self.run(sums::statements(query)).await).unwrap()
    }

    /// The same, from all that ever came.
    fn truth(&self, query: &SumQuery<'_>) -> BTreeMap<Group, Sums> {
        let mut all: BTreeMap<Group, Sums> = BTreeMap::new();
        let Selection { instance, model, organization, project, .. } = query.selection;
        for one in self.truth.values() {
            let fits = query.from <= one.admitted_at
                && one.admitted_at < query.to
                && instance.as_ref().is_none_or(|id| *id == one.instance_id)
                && organization.as_ref().is_none_or(|id| *id == one.organization_id)
                && (model.is_none() || *model == one.model_id)
                && (project.is_none() || *project == one.project_id);
            if !fits {
                continue;
            }
            let text = |is_wanted, id: Option<&str>| {
                if is_wanted { id.unwrap_or_default().to_owned() } else { String::new() }
            };
            let By { instance, model, project, status, .. } = query.by;
            let at = one.admitted_at;
            let group = Group {
                at: match query.step {
                    Step::Month => {
                        let month = format!("{}-01T00:00:00Z", &at.rfc3339()[..7]);
                        UnixMillis::parse_rfc3339(&month).unwrap()
                    }
                    step => UnixMillis(step.span_ms().map_or(0, |span| at.0 - at.0 % span)),
                },
                instance_id: text(instance, Some(one.instance_id.as_str())),
                model_id: text(model, one.model_id.as_ref().map(ModelId::as_str)),
                project_id: text(project, one.project_id.as_ref().map(ProjectId::as_str)),
                status: text(status, Some(if one.error_code.is_some() { "failed" } else { "ok" })),
                ..Group::default()
            };
            let mut sums = Sums {
                calls: one.calls,
                errors: one.calls * u64::from(one.error_code.is_some()),
                cached: u64::from(one.cached),
                estimated: u64::from(one.estimated),
                unpriced: u64::from(one.cost_micros.is_none()),
                usage: one.usage,
                cost_micros: one.cost_micros.map_or(0, |micros| micros.0 as u64),
                latency_ms: one.calls * one.latency_ms as u64,
                first_byte_ms: one.calls * one.first_byte_ms.unwrap_or(0) as u64,
                ..Sums::default()
            };
            for _ in 0..one.calls {
                sums.latency.record(one.latency_ms);
                one.first_byte_ms.iter().for_each(|time| sums.first_byte.record(*time));
            }
            all.entry(group).or_default().add(&sums);
        }
        all
    }

    /// Compares what is read with the truth, by each step, over some ranges.
    async fn check(&self) {
        let everything = Selection::all(Reader::Everything);
        let one = Selection { instance: InstanceId::parse("inst_1").ok(), ..everything.clone() };
        let model = Selection { model: ModelId::parse("b").ok(), ..everything.clone() };
        let hour = self.now - self.now % HOUR_MS;
        let by_model = By { instance: true, model: true, status: true, ..By::default() };
        let by_project = By { project: true, ..By::default() };
        for (selection, by) in
            [(&everything, By::default()), (&one, by_model), (&model, by_project)]
        {
            for step in [Step::Whole, Step::Month, Step::Day, Step::Hour] {
                for (from, to) in [
                    (0, hour + HOUR_MS),
                    (START - 40 * DAY_MS - START % DAY_MS, hour + HOUR_MS),
                    (hour - 70 * HOUR_MS, hour - 2 * HOUR_MS),
                    (hour - 45 * DAY_MS, hour - 3 * DAY_MS),
                    (BLOCK_MS * (START / BLOCK_MS - 1), BLOCK_MS * (START / BLOCK_MS)),
                ] {
                    let (from, to) = (UnixMillis(from), UnixMillis(to));
                    let query = SumQuery { by, by_call: false, from, selection, step, to };
                    assert_eq!(self.read(&query).await, self.truth(&query), "{query:?}");
                }
            }
        }
    }

    /// The same call by call, begun and ended anywhere in the time that all rows are there of.
    async fn check_calls(&self) {
        let everything = Selection::all(Reader::Everything);
        let one = Selection { instance: InstanceId::parse("inst_1").ok(), ..everything.clone() };
        let by_model = By { instance: true, model: true, status: true, ..By::default() };
        for (selection, by) in [(&everything, By::default()), (&one, by_model)] {
            for step in
                [Step::Minute, Step::FiveMinutes, Step::QuarterHour, Step::Hour, Step::Whole]
            {
                for (from, to) in [
                    (self.now - 3 * DAY_MS, self.now + 1),
                    (self.now - 7 * HOUR_MS - 61_000, self.now - HOUR_MS - 1_000),
                ] {
                    let (from, to) = (UnixMillis(from), UnixMillis(to));
                    let query = SumQuery { by, by_call: true, from, selection, step, to };
                    assert_eq!(self.read(&query).await, self.truth(&query), "{query:?}");
                }
            }
        }
    }

    async fn left(&self, table: &str) -> usize {
        let dump = self.database.dump().unwrap();
        dump.lines().filter(|line| line.starts_with(&format!("{table} "))).count()
    }
}

/// Something that happens to the books.
#[derive(Clone, Debug)]
enum Event {
    /// Calls come, this long after they were admitted.
    Come { count: usize, instance: u8, ago_ms: i64 },
    /// The last ones are delivered again.
    ComeAgain,
    /// Rows are added that came late, and old ones go.
    Prune,
    /// Some hours are summed.
    SumUp,
    /// All hours are.
    SumAllUp,
    /// Time passes.
    Wait { ms: i64 },
}

fn event() -> impl Strategy<Value = Event> {
    let ago = prop_oneof![0..HOUR_MS, 0..3 * DAY_MS, 0..90 * DAY_MS];
    prop_oneof![
        4 => (1_usize..6, 1_u8..4, ago)
            .prop_map(|(count, instance, ago_ms)| Event::Come { count, instance, ago_ms }),
        1 => Just(Event::ComeAgain),
        2 => Just(Event::Prune),
        2 => Just(Event::SumUp),
        1 => Just(Event::SumAllUp),
        2 => (0..3 * DAY_MS).prop_map(|ms| Event::Wait { ms }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn sums_are_exact_whatever_happens(events in prop::collection::vec(event(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut books = Books::new();
            // One keeps rows for five days, one was deleted long ago, and one says nothing.
            let instances = "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('org_1', 'O', 1, 1)";
            books.run(vec![Statement { args: Vec::new(), sql: instances }]).await;
            let instances = "INSERT INTO instances (id, organization_id, name, environment, retention_days,
                created_at, updated_at) VALUES ('inst_1', 'org_1', 'I', 'production', 5, 1, 1),
                ('inst_2', 'org_1', 'J', 'production', NULL, 1, 1)";
            books.run(vec![Statement { args: Vec::new(), sql: instances }]).await;
            let (mut number, mut last, mut came_at) = (0, Vec::new(), books.now);
            for event in events {
                match event {
                    Event::Come { count, instance, ago_ms } => {
                        last = (0..count)
                            .map(|n| receipt(number + n, instance, books.now - ago_ms - n as i64 * 977_000))
                            .collect();
                        number += count;
                        came_at = books.now;
                        books.deliver(&last).await;
                    }
                    Event::ComeAgain => {
                        // A Limiter repeats for two days at most.
                        if books.now - came_at < 2 * DAY_MS {
                            books.deliver(&last).await;
                        }
                    }
                    Event::Prune => {
                        books.prune().await;
                    }
                    Event::SumUp => {
                        books.sum_up().await;
                    }
                    Event::SumAllUp => books.sum_all_up().await,
                    Event::Wait { ms } => books.now += ms,
                }
            }
            books.check().await;
            books.check_calls().await;
            books.sum_all_up().await;
            books.prune().await;
            books.check().await;
            books.check_calls().await;
        });
    }
}

#[tokio::test]
async fn rows_go_once_they_are_summed_and_old_and_their_sums_stay() {
    let mut books = Books::new();
    let old = books.now - 400 * DAY_MS;
    let come: Vec<Receipt> = (0..30).map(|n| receipt(n, 3, old + n as i64 * HOUR_MS)).collect();
    books.deliver(&come).await;
    let young = receipt(100, 3, books.now - DAY_MS);
    books.deliver(std::slice::from_ref(&young)).await;
    // Nothing goes that is not summed.
    assert_eq!(books.prune().await, 0);
    books.sum_all_up().await;
    // Nor what was summed just now: it may be delivered a second time.
    assert_eq!(books.prune().await, 0);
    books.deliver(&come).await;
    books.sum_all_up().await;
    books.check().await;
    books.now += KEPT;
    assert_eq!(books.prune().await, 30);
    assert_eq!(books.left("usage_logs").await, 1);
    books.check().await;
    // Late, for an hour whose rows are gone, and for one that had none: once each, however often it comes.
    let late = [receipt(200, 3, old + 5), receipt(201, 3, old - 9 * DAY_MS)];
    for _ in 0..2 {
        books.deliver(&late).await;
        books.check().await;
        assert!(books.marks().await.is_empty());
        books.prune().await;
        books.check().await;
    }
    books.deliver(&late).await;
    books.check().await;
    // They stay until nobody repeats them any more, and then go as well.
    assert_eq!(books.left("usage_logs").await, 3);
    books.now += KEPT;
    assert_eq!(books.prune().await, 2);
    assert_eq!(books.prune().await, 0);
    assert_eq!(books.left("usage_late").await, 0);
    books.check().await;
}

#[tokio::test]
async fn who_sums_an_hour_a_second_time_changes_nothing() {
    let mut books = Books::new();
    books.deliver(&[receipt(1, 3, books.now - 400 * DAY_MS)]).await;
    let seen = books.marks().await;
    assert_eq!(
        books.run(rollups::sum_up(&seen, UnixMillis(books.now))).await.last().unwrap().len(),
        1
    );
    books.now += KEPT;
    assert_eq!(books.prune().await, 1);
    // Another run, that had read the same marks, comes to them only now: the rows are gone.
    assert!(
        books.run(rollups::sum_up(&seen, UnixMillis(books.now))).await.last().unwrap().is_empty()
    );
    books.check().await;
}

#[tokio::test]
async fn a_row_that_comes_between_the_reading_and_the_summing_is_in_it_or_marks_anew() {
    let mut books = Books::new();
    let at = books.now - 3 * HOUR_MS;
    books.deliver(&[receipt(1, 1, at)]).await;
    let seen = books.marks().await;
    books.deliver(&[receipt(2, 1, at + 1)]).await;
    books.run(rollups::sum_up(&seen, UnixMillis(books.now))).await;
    assert!(books.marks().await.is_empty());
    books.check().await;
    books.deliver(&[receipt(3, 1, at + 2)]).await;
    books.check().await;
    assert_eq!(books.marks().await, seen);
    books.sum_all_up().await;
    books.check().await;
}

#[tokio::test]
async fn a_summed_range_is_read_without_its_rows() {
    let mut books = Books::new();
    let start = books.now - 50 * DAY_MS;
    let come: Vec<Receipt> =
        (0..400).map(|n| receipt(n, 1 + (n % 3) as u8, start + n as i64 * HOUR_MS * 3)).collect();
    books.deliver(&come).await;
    books.sum_all_up().await;
    let selection = Selection::all(Reader::Everything);
    for step in [Step::Whole, Step::Day, Step::Hour] {
        let by = By { model: true, ..By::default() };
        let (from, to) = (UnixMillis(0), UnixMillis(books.now - books.now % HOUR_MS));
        let query = SumQuery { by, by_call: false, from, selection: &selection, step, to };
        for statement in sums::statements(&query) {
            let plan = books.database.plan(&statement).unwrap();
            let of_rows = plan.iter().filter(|line| line.contains(" u "));
            for line in of_rows {
                // Rows are only looked at where a mark or a late one leads to them.
                let by_mark = "SEARCH u USING INDEX usage_logs_by_instance (instance_id=? AND admitted_at>? AND admitted_at<?)";
                let by_late = "SEARCH u USING INDEX sqlite_autoindex_usage_logs_1 (receipt_id=?)";
                assert!([by_mark, by_late].contains(&line.as_str()), "{line}");
            }
        }
    }
    // And indeed: with none of them there, the answer is the same.
    let gone = Statement { args: Vec::new(), sql: "DELETE FROM usage_logs" };
    books.run(vec![gone]).await;
    books.check().await;
}

#[test]
fn calls_are_found_by_the_index_that_has_them_in_order() {
    let database = SqliteDatabase::migrated().unwrap();
    let everything = Selection::all(Reader::Everything);
    let instance = InstanceId::parse("inst_1").unwrap();
    let project = ProjectId::parse("proj_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let person = Selection::all(Reader::Person { organization: None, user });
    let program =
        Selection::all(Reader::Program { instance: instance.clone(), project: project.clone() });
    let of_instance = Selection { instance: Some(instance), ..everything.clone() };
    let of_project = Selection { project: Some(project), ..person.clone() };
    let of_key = Selection { api_key: ApiKeyId::parse("key_1").ok(), ..person.clone() };
    let request = RequestId::parse("r").unwrap();
    let list = |selection: &Selection, request: Option<&RequestId>| {
        let (from, page, to) = (UnixMillis(0), PageQuery::default(), UnixMillis(START));
        requests::list(&RequestQuery { from, page, request, selection, to, user: None })
    };
    let by = |index: &str, column: &str| format!("USING INDEX {index} ({column}=?");
    for (statement, way) in [
        (
            list(&everything, None),
            "USING INDEX usage_logs_by_admitted_at (admitted_at>?".to_owned(),
        ),
        (list(&person, None), by("usage_logs_by_instance", "instance_id")),
        (list(&of_instance, None), by("usage_logs_by_instance", "instance_id")),
        (list(&of_project, None), by("usage_logs_by_project", "project_id")),
        (list(&program, None), by("usage_logs_by_project", "project_id")),
        (list(&of_key, None), by("usage_logs_by_api_key", "api_key_id")),
        (list(&everything, Some(&request)), by("usage_logs_by_request", "request_id")),
        (
            requests::came(&person, 1, 2),
            "SEARCH u USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)".to_owned(),
        ),
    ] {
        let plan = database.plan(&statement).unwrap();
        assert!(plan.iter().any(|line| line.contains(&way)), "{way}: {plan:#?}");
        // The whole of what is found is never sorted, but for one request id's.
        let sorts = plan.iter().filter(|line| *line == "USE TEMP B-TREE FOR ORDER BY").count();
        let of_places = plan.iter().filter(|line| line.contains("UNION")).count();
        let is_short = way.contains("by_request") || way.contains("by_instance");
        assert!(is_short || sorts <= of_places, "{plan:#?}");
    }
}

#[tokio::test]
async fn buckets_of_sums_have_the_bounds_of_the_histogram() {
    let mut books = Books::new();
    let mut truth = Histogram::default();
    let mut come = Vec::new();
    for (n, time) in BOUNDS_MS.iter().flat_map(|bound| [*bound, *bound + 1]).chain([0]).enumerate()
    {
        truth.record(time);
        let made = receipt(n, 1, books.now - 2 * HOUR_MS);
        come.push(Receipt { calls: 1, first_byte_ms: Some(time), latency_ms: time, ..made });
    }
    books.deliver(&come).await;
    let selection = Selection::all(Reader::Everything);
    let (from, to) = (UnixMillis(0), UnixMillis(books.now - books.now % HOUR_MS));
    let query = SumQuery {
        by: By::default(),
        by_call: false,
        from,
        selection: &selection,
        step: Step::Whole,
        to,
    };
    for _ in 0..2 {
        let read = books.read(&query).await.into_values().next().unwrap();
        assert_eq!((read.latency, read.first_byte), (truth, truth));
        books.sum_all_up().await;
    }
}

#[tokio::test]
async fn a_reader_sees_what_is_theirs() {
    let mut books = Books::new();
    let come: Vec<Receipt> =
        (0..60).map(|n| receipt(n, 1 + (n % 3) as u8, books.now - n as i64 * 1_000)).collect();
    books.deliver(&come).await;
    let seed = [
        "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('org_1', 'O', 1, 1), ('org_2', 'P', 1, 1)",
        "INSERT INTO instances (id, organization_id, name, environment, created_at, updated_at)
         VALUES ('inst_1', 'org_1', 'I', 'production', 1, 1), ('inst_2', 'org_2', 'J', 'production', 1, 1),
           ('inst_3', 'org_2', 'K', 'production', 1, 1)",
        "INSERT INTO users (id, organization_id, email, name, role, created_at, updated_at)
         VALUES ('user_1', 'org_1', 'a@b.c', 'U', 'user', 1, 1)",
        "INSERT INTO user_grants (user_id, instance_id, role, created_at, updated_at)
         VALUES ('user_1', 'inst_3', 'readonly', 1, 1)",
    ];
    for sql in seed {
        books.run(vec![Statement { args: Vec::new(), sql }]).await;
    }
    let user = UserId::parse("user_1").unwrap();
    let organization = OrganizationId::parse("org_1").ok();
    let project = ProjectId::parse("proj_2-1").unwrap();
    let instance = InstanceId::parse("inst_2").unwrap();
    let nobody = UserId::parse("user_2").unwrap();
    let of_project = |one: &Receipt| one.project_id.as_ref() == Some(&project);
    type Fits<'a> = &'a dyn Fn(&Receipt) -> bool;
    let readers: [(Reader, Fits<'_>); 5] = [
        (Reader::Everything, &|_| true),
        (Reader::Person { organization: None, user: user.clone() }, &|one| {
            one.instance_id.as_str() == "inst_3"
        }),
        (Reader::Person { organization, user }, &|one| one.instance_id.as_str() != "inst_2"),
        (Reader::Person { organization: None, user: nobody }, &|_| false),
        (Reader::Program { instance, project: project.clone() }, &of_project),
    ];
    for (reader, fits) in readers {
        let wanted: BTreeSet<ReceiptId> =
            come.iter().filter(|one| fits(one)).map(|one| one.receipt_id.clone()).collect();
        let selection = Selection::all(reader);
        let (from, to) = (UnixMillis(0), UnixMillis(books.now + HOUR_MS - books.now % HOUR_MS));
        let query = SumQuery {
            by: By::default(),
            by_call: false,
            from,
            selection: &selection,
            step: Step::Whole,
            to,
        };
        let sums = books.read(&query).await;
        let calls = sums.into_values().next().unwrap_or_default().calls;
        let of_them: u64 = come.iter().filter(|one| fits(one)).map(|one| one.calls).sum();
        assert_eq!(calls, of_them, "{selection:?}");
        // The list, in pages of seven, newest first.
        let (mut found, mut page) = (Vec::new(), PageQuery { after: None, limit: 7 });
        loop {
            let list = RequestQuery {
                from,
                page: page.clone(),
                request: None,
                selection: &selection,
                to,
                user: None,
            };
            let read = books.run(vec![requests::list(&list)]).await.remove(0);
            let read = read.into_iter().map(|row| requests::listed(row).unwrap()).collect();
            let made = page.page(read, |one| &one.place);
            found.extend(made.data.into_iter().map(|one| one.receipt));
            let Some(next) = made.next_cursor else { break };
            page = PageQuery::parse(Some("7"), Some(&next)).unwrap();
        }
        assert!(found.windows(2).all(|two| two[0].admitted_at >= two[1].admitted_at));
        assert_eq!(found.len(), wanted.len());
        assert_eq!(found.into_iter().map(|one| one.receipt_id).collect::<BTreeSet<_>>(), wanted);
        // One by one, and as they came.
        for one in &come {
            let found =
                books.run(vec![requests::find(&selection, &one.receipt_id)]).await.remove(0);
            assert_eq!(found.len(), usize::from(wanted.contains(&one.receipt_id)));
        }
        let came = books.run(vec![requests::came(&selection, 0, 1_000)]).await.remove(0);
        assert_eq!(came.len(), wanted.len());
    }
}
