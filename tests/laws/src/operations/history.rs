use arbitrary::{Arbitrary, Unstructured};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use chrono::TimeDelta;
use pool_core::{
    AuthType, Credential, CredentialId, Failure, Fingerprint, Grant, Holding, PickRequest, Provider, Secret,
    Source, Strategy, Tokens, time,
};
use serde_json::{Map, Value, json};

use crate::noon;

/// More than that says nothing new, and takes long.
const MOST_STEPS: usize = 40;

/// A store, and what is done to it.
#[derive(Clone, Debug)]
pub struct History {
    is_rolled_back: bool,
    members: [Option<Member>; 6],
    steps: Vec<Step>,
}

/// One entry of the store, and what is known of it.
#[derive(Arbitrary, Clone, Debug)]
struct Member {
    whom: Whom,
    holds: Holds,
    /// Members of one number have the same secret.
    serial: u8,
    priority: u8,
    inline: Option<Said>,
    record: Option<Said>,
    uses: u8,
}

/// A credential, or the lack of one: its pool and its id.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Whom {
    pub(crate) pool: Where,
    pub(crate) name: Name,
}

#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Where {
    Codex,
    OpenRouter,
}

#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Name {
    A,
    B,
    C,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Holds {
    Key,
    Login(Account),
    Lent,
    NotLent,
    Blank,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Account {
    Home,
    Work,
    NotKnown,
}

/// What somebody wrote down of a credential.
#[derive(Arbitrary, Clone, Debug)]
struct Said {
    status: Status,
    seconds_ago: Option<u16>,
    is_bound: bool,
    rests_for: Option<u16>,
    code: Option<Code>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Status {
    Ok,
    Exhausted,
    Dead,
    Removed,
    Quarantined,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Code {
    BadRequest,
    Unauthorized,
    Billing,
    Forbidden,
    RateLimit,
    Broken,
}

/// One thing that is done.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Step {
    Wait {
        seconds: u16,
    },
    Pick(Asked),
    Lease(Asked),
    GiveBack {
        which: u8,
    },
    Fail {
        whom: Named,
        failed: Failed,
    },
    FailLease {
        which: u8,
        failed: Failed,
    },
    Succeed {
        whom: Named,
        began_ago: u8,
    },
    SucceedLease {
        which: u8,
    },
    Reset {
        pool: Where,
        name: Option<Name>,
        dead_too: bool,
    },
    Add {
        whom: Whom,
        account: Option<Account>,
        serial: u8,
    },
    Remove {
        whom: Named,
    },
    Rotate {
        whom: Named,
        renewal: Renewal,
    },
    Flush,
    /// The process ends, and another one begins.
    Restart,
    /// Another program writes into an entry what it has in memory.
    Elsewhere(Memory),
}

/// What is asked of a pick.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Asked {
    pool: Where,
    strategy: Picking,
    cap: u8,
    left_out: Option<Name>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Picking {
    FillFirst,
    RoundRobin,
    LeastUsed,
    Random,
}

/// How a credential is named.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) whom: Whom,
    pub(crate) by: By,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum By {
    Id,
    Lease,
    Secret,
    StaleSecret,
}

/// What a provider says.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Failed {
    NoAnswer,
    BadRequest,
    Refused,
    Revoked,
    Unpaid,
    Throttled,
    LimitedUntil { seconds: u32 },
    RetryInWords,
    Broken,
    EchoOfAKey,
}

/// The secrets that replace others.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Renewal {
    account: Account,
    serial: u8,
    has_refresh: bool,
    is_same_grant: bool,
    ends_in: Option<u16>,
}

/// What another program has in memory of a credential.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Memory {
    whom: Whom,
    said: Said,
}

/// Steps for as long as there are bytes: where a coin decides whether another one follows, as it does for any list, most
/// histories are over before something has happened.
impl<'a> Arbitrary<'a> for History {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let (is_rolled_back, members) = bytes.arbitrary()?;
        let mut steps = Vec::new();
        while !bytes.is_empty() && steps.len() < MOST_STEPS {
            steps.push(bytes.arbitrary()?);
        }
        Ok(Self { is_rolled_back, members, steps })
    }
}

impl History {
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn is_rolled_back(&self) -> bool {
        self.is_rolled_back
    }

    /// The store as its programs left it.
    pub(crate) fn text(&self) -> String {
        let mut pools = Map::new();
        let mut runtime = Map::new();
        for member in self.members.iter().flatten() {
            let provider = member.whom.pool.provider().to_string();
            let entries = pools.entry(provider.clone()).or_insert_with(|| json!([]));
            entries.as_array_mut().expect("made as one").push(member.entry());
            let records = runtime.entry(provider).or_insert_with(|| json!({}));
            let record = member.record();
            records.as_object_mut().expect("made as one").insert(member.whom.name.id().to_string(), record);
        }
        let layout = if self.is_rolled_back { json!({"layout": "inline"}) } else { json!({}) };
        let records = if self.is_rolled_back {
            "credential_pool_runtime_rolled_back"
        } else {
            "credential_pool_runtime"
        };
        format!(
            "{{\"theirs\": 1e400, \"credential_pool_compat\": {layout}, \"credential_pool\": {},\n\"{records}\": {},\
             \"theirs\": [\"\\ud800\", 1.0 ]}}\n",
            Value::from(pools),
            Value::from(runtime)
        )
    }
}

impl Member {
    fn entry(&self) -> Value {
        let secret = secret(self.serial);
        let mut entry = match self.holds {
            Holds::Key => json!({"source": "manual", "access_token": secret}),
            Holds::Login(account) => json!({
                "source": "manual:device_code",
                "auth_type": "oauth",
                "access_token": token(account, self.serial),
                "refresh_token": format!("refresh-{}", self.serial),
            }),
            Holds::Lent => json!({"source": format!("env:{LENT_VARIABLE}")}),
            Holds::NotLent => {
                json!({"source": "claude_code", "secret_fingerprint": Fingerprint::of(&secret).to_string()})
            }
            Holds::Blank => json!({"source": "manual", "access_token": " "}),
        };
        entry["id"] = json!(self.whom.name.id().as_str());
        entry["priority"] = json!(self.priority % 3);
        entry["theirs"] = json!({"b": 1.5, "a": [null]});
        if let Some(said) = &self.inline {
            said.write_inline(&mut entry);
        }
        entry
    }

    fn record(&self) -> Value {
        let mut record = json!({"request_count": self.uses, "theirs": "kept"});
        if let Some(said) = &self.record {
            let subject = Fingerprint::of(&secret(self.serial)).to_string();
            said.write_record(&mut record, &subject);
        }
        record
    }
}

/// The variable that lends its secret to a member.
pub(crate) const LENT_VARIABLE: &str = "POOL_LAWS_LENT_KEY";

fn secret(serial: u8) -> String {
    format!("secret-{:03}", serial % 8)
}

/// A token of an account, as a JWT that nobody signed.
fn token(account: Account, serial: u8) -> String {
    let account = match account {
        Account::Home => "home",
        Account::Work => "work",
        Account::NotKnown => return secret(serial),
    };
    let claims = json!({"chatgpt_account_id": account, "sub": account, "jti": serial % 8}).to_string();
    format!("eyJhbGciOiJub25lIn0.{}.none", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

impl Said {
    fn write_inline(&self, entry: &mut Value) {
        entry["last_status"] = json!(self.status.word());
        entry["last_status_at"] = json!(self.at());
        entry["last_error_reset_at"] = json!(self.reset());
        entry["last_error_code"] = json!(self.code.map(Code::number));
        entry["request_count"] = json!(self.rests_for);
    }

    fn write_record(&self, record: &mut Value, subject: &str) {
        record["status"] = json!(self.status.word());
        record["status_at"] = json!(self.at());
        record["reset_at"] = json!(self.reset());
        record["subject"] = json!(self.is_bound.then_some(subject));
        record["last_error"] = json!({"code": self.code.map(Code::number)});
    }

    fn at(&self) -> Option<String> {
        let ago = TimeDelta::seconds(self.seconds_ago?.into());
        Some(time::format(noon() - ago))
    }

    fn reset(&self) -> Option<String> {
        let rest = TimeDelta::seconds(self.rests_for?.into());
        Some(time::format(noon() + rest))
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exhausted => "exhausted",
            Self::Dead => "dead",
            Self::Removed => "removed",
            Self::Quarantined => "quarantined",
        }
    }
}

impl Code {
    fn number(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Billing => 402,
            Self::Forbidden => 403,
            Self::RateLimit => 429,
            Self::Broken => 503,
        }
    }
}

impl Where {
    pub(crate) fn provider(self) -> Provider {
        let name = match self {
            Self::Codex => "openai-codex",
            Self::OpenRouter => "openrouter",
        };
        Provider::new(name).expect("not empty")
    }
}

impl Name {
    pub(crate) const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    pub(crate) fn id(self) -> CredentialId {
        let id = match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
        };
        CredentialId::new(id).expect("not empty")
    }
}

impl Step {
    /// What another program does, where it is that.
    pub(crate) fn of_another_program(&self) -> Option<&Memory> {
        match self {
            Self::Elsewhere(memory) => Some(memory),
            _ => None,
        }
    }

    pub(crate) fn is_a_new_process(&self) -> bool {
        matches!(self, Self::Restart)
    }
}

impl Asked {
    pub(crate) fn request(self) -> PickRequest {
        let strategy = match self.strategy {
            Picking::FillFirst => Strategy::FillFirst,
            Picking::RoundRobin => Strategy::RoundRobin,
            Picking::LeastUsed => Strategy::LeastUsed,
            Picking::Random => Strategy::Random,
        };
        let request =
            PickRequest::new(self.pool.provider()).strategy(strategy).lease_cap((self.cap % 4).into());
        self.left_out.into_iter().fold(request, |request, name| request.leave_out(name.id()))
    }
}

impl Failed {
    pub(crate) fn failure(self) -> Failure {
        match self {
            Self::NoAnswer => Failure::no_answer(),
            Self::BadRequest => Failure::http(400).message("no such parameter"),
            Self::Refused => Failure::http(401),
            Self::Revoked => Failure::http(401).code("token_revoked"),
            Self::Unpaid => Failure::http(402),
            Self::Throttled => Failure::http(429),
            Self::LimitedUntil { seconds } => {
                Failure::http(429).reset_at(noon() + TimeDelta::seconds(seconds.into()))
            }
            Self::RetryInWords => Failure::http(429).message("Please try again in 1h2m3.5s"),
            Self::Broken => Failure::http(503),
            Self::EchoOfAKey => Failure::http(403).message("wrong key secret-001, or sk-or-v1-another"),
        }
    }
}

impl Renewal {
    pub(crate) fn tokens(self) -> Tokens {
        let refresh = self.has_refresh.then(|| Secret::new(format!("refresh-{}", self.serial)));
        Tokens::access(Secret::new(token(self.account, self.serial))).with_refresh(refresh)
    }

    pub(crate) fn grant(self) -> Grant {
        if self.is_same_grant { Grant::Same } else { Grant::New }
    }

    pub(crate) fn ends_in(self) -> Option<TimeDelta> {
        self.ends_in.map(|seconds| TimeDelta::seconds(seconds.into()))
    }
}

impl Whom {
    /// A key, or a login of an account, that somebody adds.
    pub(crate) fn credential(self, account: Option<Account>, serial: u8) -> Credential {
        let key = Credential::manual(self.name.id(), Secret::new(secret(serial)));
        let Some(account) = account else { return key };
        let tokens = Tokens::access(Secret::new(token(account, serial)));
        Credential {
            auth_type: AuthType::OAuth,
            source: Source::new("manual:device_code"),
            holding: Holding::Owned(tokens),
            ..key
        }
    }
}

impl Memory {
    pub(crate) fn whom(&self) -> Whom {
        self.whom
    }

    /// The inline fields that it writes, and their values.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        let mut fields = json!({});
        self.said.write_inline(&mut fields);
        fields.as_object().cloned().unwrap_or_default()
    }
}
