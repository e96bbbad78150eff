//! The books: receipts, their sums, and what is pruned of them.

use de_core::{
    ids::{ApiKeyId, InstanceId, OrganizationId, ProjectId, ReceiptId, RequestId, UserId},
    ports::Statement,
    store::{
        pages::PageQuery,
        usage::{
            requests::{self, RequestQuery},
            rollups::{self, HOUR_MS, Mark},
            selection::{Reader, Selection},
            sums::{self, By, Step, SumQuery},
        },
    },
    time::UnixMillis,
};

use crate::NOW;

/// What the books are read by, summed by and pruned by.
pub(super) fn books() -> Vec<Statement> {
    let organization = OrganizationId::parse("org_1").unwrap();
    let instance = InstanceId::parse("inst_1").unwrap();
    let project = ProjectId::parse("proj_1").unwrap();
    let user = UserId::parse("user_1").unwrap();
    let person = user.clone();
    let mark = Mark { hour: UnixMillis(NOW.0 - NOW.0 % HOUR_MS), instance_id: instance.clone() };
    let readers = [
        Reader::Everything,
        Reader::Person { organization: Some(organization.clone()), user },
        Reader::Program { instance: instance.clone(), project: project.clone() },
    ];
    let receipt = ReceiptId::parse("rcpt_1").unwrap();
    let request = RequestId::parse("r").unwrap();
    let mut all = vec![
        rollups::marks(NOW, None),
        rollups::marks(NOW, Some(&mark)),
        requests::head(),
        requests::tries(&instance, Some(&project), NOW),
        requests::tries(&instance, None, NOW),
    ];
    all.extend(rollups::sum_up(&[mark], NOW));
    all.extend(rollups::add_late(NOW));
    all.extend(rollups::prune(NOW));
    for reader in readers {
        let every = Selection::all(reader);
        let of_project = Selection { project: Some(project.clone()), ..every.clone() };
        let of_key = Selection { api_key: ApiKeyId::parse("key_1").ok(), ..every.clone() };
        let of_instance = Selection { instance: Some(instance.clone()), ..every.clone() };
        for selection in [&every, &of_project, &of_key, &of_instance] {
            for step in [Step::Day, Step::Hour, Step::Minute, Step::Month, Step::Whole] {
                let (from, to) = (UnixMillis(0), NOW);
                let query =
                    SumQuery { by: By::default(), by_call: false, from, selection, step, to };
                all.extend(sums::statements(&query));
            }
            for request in [None, Some(&request)] {
                for user in [None, Some(&person)] {
                    let (from, page, to) = (UnixMillis(0), PageQuery::default(), NOW);
                    let query = RequestQuery { from, page, request, selection, to, user };
                    all.push(requests::list(&query));
                }
            }
            all.push(requests::find(selection, &receipt));
            all.push(requests::position(selection, &receipt));
            all.push(requests::came(selection, 1, 2));
        }
    }
    all
}
