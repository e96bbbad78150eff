//! Who may do what in the control plane: one table.
//!
//! A person has a role in their organization, and perhaps a grant on an instance, there or elsewhere. Their
//! key has scopes. A permission is held if the scopes reach and either the role or the grant carries it. What
//! a person may not even read does not exist for them: that is answered 404, and the rest 403.

use super::Scope;

/// What a person is, everywhere or in their own organization. A project's key is nobody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Administers their own organization.
    Admin,
    /// A program with a project's key.
    Client,
    /// Operates the service.
    Superadmin,
    /// Does what grants allow.
    User,
}

impl Role {
    /// Reads the column `role` of a person; `None` stands for a project's key. A word that is unknown
    /// is worth no more than the least of them.
    #[must_use]
    pub fn of(word: Option<&str>) -> Self {
        match word {
            None => Self::Client,
            Some("superadmin") => Self::Superadmin,
            Some("admin") => Self::Admin,
            Some(_) => Self::User,
        }
    }

    /// Whether whoever has this role may hold the keys of whoever has the other.
    #[must_use]
    pub fn reaches(self, other: Self) -> bool {
        let rank = |role| match role {
            Self::Client => 0,
            Self::User => 1,
            Self::Admin => 2,
            Self::Superadmin => 3,
        };
        rank(self) >= rank(other)
    }
}

/// What a person may do on one instance. Each carries all that the ones before it do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Grant {
    /// Looks.
    Readonly,
    /// Works with it.
    User,
    /// Changes it.
    Admin,
    /// Removes it.
    Owner,
}

impl Grant {
    /// Reads the column `role` of a grant.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "admin" => Some(Self::Admin),
            "owner" => Some(Self::Owner),
            "readonly" => Some(Self::Readonly),
            "user" => Some(Self::User),
            _ => None,
        }
    }
}

/// What a route of the control plane needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Permission {
    /// See keys, without their secrets.
    ApiKeyRead,
    /// Make, change, rotate and revoke keys.
    ApiKeyWrite,
    /// See who changed what.
    AuditRead,
    /// See who may do what on an instance.
    GrantRead,
    /// Give and take grants on an instance.
    GrantWrite,
    /// Make an instance.
    InstanceCreate,
    /// Remove an instance.
    InstanceDelete,
    /// See an instance.
    InstanceRead,
    /// Change an instance.
    InstanceWrite,
    /// See limits and budgets, and what is used of them.
    LimitRead,
    /// Set and remove limits and budgets.
    LimitWrite,
    /// See model configs.
    ModelConfigRead,
    /// Call a model once, to see what its vendor says.
    ModelConfigTest,
    /// Make model configs.
    ModelConfigWrite,
    /// Make an organization.
    OrganizationCreate,
    /// Remove an organization.
    OrganizationDelete,
    /// See an organization.
    OrganizationRead,
    /// Change an organization.
    OrganizationWrite,
    /// Remove a project.
    ProjectDelete,
    /// See a project.
    ProjectRead,
    /// Make and change projects.
    ProjectWrite,
    /// See vendors' keys, without their secrets.
    ProviderKeyRead,
    /// Seal all vendors' keys with the newest master key.
    ProviderKeyReseal,
    /// Save, try and remove vendors' keys.
    ProviderKeyWrite,
    /// See providers.
    ProviderRead,
    /// Make, change and remove providers.
    ProviderWrite,
    /// See what is deployed and whether it is ready.
    ServiceRead,
    /// See log-ins.
    SessionRead,
    /// End log-ins.
    SessionWrite,
    /// See what calls came to.
    UsageRead,
    /// See persons.
    UserRead,
    /// Make, change and remove persons.
    UserWrite,
    /// See who is told of events, and what they were told.
    WebhookRead,
    /// Say who is told of events, and tell them again.
    WebhookWrite,
}

/// Where the caller stands, seen from what it wants to touch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Their grant on the instance that it belongs to.
    pub grant: Option<Grant>,
    /// Whether it belongs to their own organization.
    pub is_home: bool,
    /// Who they are.
    pub role: Role,
}

/// One line of the table. A superadmin is in none: they may do everything.
struct Rule {
    /// Administrators of its organization.
    admin: bool,
    /// Keys of projects of its organization.
    client: bool,
    /// Everybody with this grant or a higher one.
    grant: Option<Grant>,
    /// Everybody of its organization.
    member: bool,
    /// Whether a key that only reads will do.
    reads: bool,
    /// What one must be allowed for it to exist at all.
    seen_by: Permission,
}

impl Permission {
    /// All of them, in the order of the alphabet.
    pub const ALL: [Self; 34] = [
        Self::ApiKeyRead,
        Self::ApiKeyWrite,
        Self::AuditRead,
        Self::GrantRead,
        Self::GrantWrite,
        Self::InstanceCreate,
        Self::InstanceDelete,
        Self::InstanceRead,
        Self::InstanceWrite,
        Self::LimitRead,
        Self::LimitWrite,
        Self::ModelConfigRead,
        Self::ModelConfigTest,
        Self::ModelConfigWrite,
        Self::OrganizationCreate,
        Self::OrganizationDelete,
        Self::OrganizationRead,
        Self::OrganizationWrite,
        Self::ProjectDelete,
        Self::ProjectRead,
        Self::ProjectWrite,
        Self::ProviderKeyRead,
        Self::ProviderKeyReseal,
        Self::ProviderKeyWrite,
        Self::ProviderRead,
        Self::ProviderWrite,
        Self::ServiceRead,
        Self::SessionRead,
        Self::SessionWrite,
        Self::UsageRead,
        Self::UserRead,
        Self::UserWrite,
        Self::WebhookRead,
        Self::WebhookWrite,
    ];

    fn rule(self) -> Rule {
        let read = |grant, member, client| Rule {
            admin: true,
            client,
            grant,
            member,
            reads: true,
            seen_by: self,
        };
        let write = |admin, grant, seen_by| Rule {
            admin,
            client: false,
            grant,
            member: false,
            reads: false,
            seen_by,
        };
        match self {
            Self::ApiKeyRead => read(Some(Grant::User), false, false),
            Self::ApiKeyWrite => write(true, Some(Grant::Admin), Self::ApiKeyRead),
            Self::AuditRead => read(None, false, false),
            Self::GrantRead => {
                Rule { seen_by: Self::InstanceRead, ..read(Some(Grant::Admin), false, false) }
            }
            Self::GrantWrite => write(true, Some(Grant::Owner), Self::InstanceRead),
            Self::InstanceCreate => write(true, None, Self::OrganizationRead),
            Self::InstanceDelete => write(true, Some(Grant::Owner), Self::InstanceRead),
            Self::InstanceRead => read(Some(Grant::Readonly), false, false),
            Self::InstanceWrite => write(true, Some(Grant::Admin), Self::InstanceRead),
            // Programs see what holds for themselves. An organization's own are its administrators' alone:
            // nobody has a grant on that.
            Self::LimitRead => read(Some(Grant::Readonly), false, true),
            Self::LimitWrite => write(true, Some(Grant::Admin), Self::LimitRead),
            Self::ModelConfigRead => read(None, true, true),
            // It spends the instance's money with the vendor.
            Self::ModelConfigTest => write(true, Some(Grant::Admin), Self::InstanceRead),
            Self::ModelConfigWrite => write(true, None, Self::ModelConfigRead),
            Self::OrganizationCreate | Self::OrganizationDelete | Self::ProviderKeyReseal => {
                write(false, None, Self::OrganizationRead)
            }
            Self::OrganizationRead | Self::ProviderRead | Self::ServiceRead => {
                read(None, true, false)
            }
            Self::OrganizationWrite => write(true, None, Self::OrganizationRead),
            Self::ProjectDelete => write(true, Some(Grant::Owner), Self::ProjectRead),
            Self::ProjectRead => read(Some(Grant::Readonly), false, false),
            Self::ProjectWrite => write(true, Some(Grant::Admin), Self::ProjectRead),
            Self::ProviderKeyRead => read(Some(Grant::User), false, false),
            Self::ProviderKeyWrite => write(true, Some(Grant::Admin), Self::ProviderKeyRead),
            Self::ProviderWrite => write(true, None, Self::ProviderRead),
            // Of oneself, as if one owned the place; of others, as their administrator.
            Self::SessionRead | Self::UserRead => read(Some(Grant::Owner), false, false),
            Self::SessionWrite => write(true, Some(Grant::Owner), Self::SessionRead),
            // A program sees its own project, whatever else its key is good for.
            Self::UsageRead => read(Some(Grant::Readonly), false, true),
            Self::UserWrite => write(true, None, Self::UserRead),
            Self::WebhookRead => read(Some(Grant::User), false, false),
            Self::WebhookWrite => write(true, Some(Grant::Admin), Self::WebhookRead),
        }
    }

    /// The scope that a key lacks for this, if it lacks one: `admin`, or for looking `read` or `admin`.
    #[must_use]
    pub fn lacks(self, scopes: &[Scope]) -> Option<Scope> {
        let reads = self.rule().reads;
        if scopes.contains(&Scope::Admin) || (reads && scopes.contains(&Scope::Read)) {
            return None;
        }
        Some(if reads { Scope::Read } else { Scope::Admin })
    }

    /// Whether it is held from there.
    #[must_use]
    pub fn held(self, standing: Standing) -> bool {
        let rule = self.rule();
        let by_role = match standing.role {
            Role::Admin => rule.admin || rule.member,
            Role::Client => return rule.client && standing.is_home,
            Role::Superadmin => return true,
            Role::User => rule.member,
        };
        let by_grant = rule.grant.zip(standing.grant).is_some_and(|(least, has)| has >= least);
        (standing.is_home && by_role) || by_grant
    }

    /// Whether someone of this role can hold it anywhere, with whatever grants.
    #[must_use]
    pub fn possible(self, role: Role) -> bool {
        self.held(Standing { grant: Some(Grant::Owner), is_home: true, role })
    }

    /// Whether what it is about exists for someone who stands there.
    #[must_use]
    pub fn sees(self, standing: Standing) -> bool {
        self.rule().seen_by.held(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDINGS: [(&str, Role, Option<Grant>); 8] = [
        ("superadmin", Role::Superadmin, None),
        ("admin", Role::Admin, None),
        ("owner", Role::User, Some(Grant::Owner)),
        ("g-admin", Role::User, Some(Grant::Admin)),
        ("g-user", Role::User, Some(Grant::User)),
        ("readonly", Role::User, Some(Grant::Readonly)),
        ("member", Role::User, None),
        ("client", Role::Client, None),
    ];

    /// The whole of it, as people read it: `+` held, `-` refused with 403, `.` does not exist (404).
    /// Columns: superadmin, admin, owner, g-admin, g-user, readonly, member, client.
    const MATRIX: &str = "
ApiKeyRead         home +++++... away +.+++...
ApiKeyWrite        home ++++-... away +.++-...
AuditRead          home ++...... away +.......
GrantRead          home ++++--.. away +.++--..
GrantWrite         home +++---.. away +.+---..
InstanceCreate     home ++-----. away +.......
InstanceDelete     home +++---.. away +.+---..
InstanceRead       home ++++++.. away +.++++..
InstanceWrite      home ++++--.. away +.++--..
LimitRead          home ++++++.+ away +.++++..
LimitWrite         home ++++--.- away +.++--..
ModelConfigRead    home ++++++++ away +.......
ModelConfigTest    home ++++--.. away +.++--..
ModelConfigWrite   home ++------ away +.......
OrganizationCreate home +------. away +.......
OrganizationDelete home +------. away +.......
OrganizationRead   home +++++++. away +.......
OrganizationWrite  home ++-----. away +.......
ProjectDelete      home +++---.. away +.+---..
ProjectRead        home ++++++.. away +.++++..
ProjectWrite       home ++++--.. away +.++--..
ProviderKeyRead    home +++++... away +.+++...
ProviderKeyReseal  home +------. away +.......
ProviderKeyWrite   home ++++-... away +.++-...
ProviderRead       home +++++++. away +.......
ProviderWrite      home ++-----. away +.......
ServiceRead        home +++++++. away +.......
SessionRead        home +++..... away +.+.....
SessionWrite       home +++..... away +.+.....
UsageRead          home ++++++.+ away +.++++..
UserRead           home +++..... away +.+.....
UserWrite          home ++-..... away +.-.....
WebhookRead        home +++++... away +.+++...
WebhookWrite       home ++++-... away +.++-...";

    fn matrix() -> String {
        let mut text = String::new();
        for permission in Permission::ALL {
            text.push_str(&format!("\n{:<18}", format!("{permission:?}")));
            for (place, is_home) in [("home", true), ("away", false)] {
                text.push_str(&format!(" {place} "));
                for (_, role, grant) in STANDINGS {
                    let standing = Standing { grant, is_home, role };
                    text.push(match (permission.held(standing), permission.sees(standing)) {
                        (true, _) => '+',
                        (false, true) => '-',
                        (false, false) => '.',
                    });
                }
            }
        }
        text
    }

    #[test]
    fn the_matrix_is_the_committed_one() {
        assert_eq!(matrix(), MATRIX);
    }

    #[test]
    fn whatever_is_held_is_seen() {
        for permission in Permission::ALL {
            for (name, role, grant) in STANDINGS {
                for is_home in [true, false] {
                    let standing = Standing { grant, is_home, role };
                    let held = permission.held(standing);
                    assert!(!held || permission.sees(standing), "{permission:?} {name}");
                }
            }
        }
    }

    #[test]
    fn a_key_without_the_scope_opens_nothing() {
        for permission in Permission::ALL {
            let reads = permission.lacks(&[Scope::Read]).is_none();
            assert_eq!(reads, format!("{permission:?}").ends_with("Read"), "{permission:?}");
            assert_eq!(permission.lacks(&[Scope::Admin]), None);
            assert!(permission.lacks(&[Scope::Text, Scope::Image, Scope::Audio]).is_some());
            assert!(permission.lacks(&[]).is_some());
        }
    }

    #[test]
    fn nobody_holds_the_keys_of_someone_above() {
        assert!(!Role::Admin.reaches(Role::Superadmin));
        assert!(!Role::User.reaches(Role::Admin));
        assert!(Role::Admin.reaches(Role::Admin) && Role::Superadmin.reaches(Role::Admin));
        assert_eq!(Role::of(Some("emperor")), Role::User);
    }

    #[test]
    fn a_grant_is_read_by_its_word() {
        let words = ["readonly", "user", "admin", "owner"];
        let grants = [Grant::Readonly, Grant::User, Grant::Admin, Grant::Owner];
        assert_eq!(words.map(Grant::parse), grants.map(Some));
        for other in ["", "Owner", "superadmin", "none"] {
            assert_eq!(Grant::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_role_can_hold_anywhere_is_possible() {
        for permission in Permission::ALL {
            for role in [Role::Admin, Role::Client, Role::Superadmin, Role::User] {
                let all = [None, Some(Grant::Readonly), Some(Grant::User), Some(Grant::Admin)];
                let somewhere = all.into_iter().chain([Some(Grant::Owner)]).any(|grant| {
                    let held = |is_home| permission.held(Standing { grant, is_home, role });
                    held(true) || held(false)
                });
                assert_eq!(permission.possible(role), somewhere, "{permission:?} {role:?}");
            }
        }
    }
}
