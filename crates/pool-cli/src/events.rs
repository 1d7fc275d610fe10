use chrono::{DateTime, Utc};
use pool_core::{CredentialId, Failure, Provider, Revive, time};
use serde_json::{Map, Value};

use crate::args::leaves_room;
use crate::told;

/// One recorded event.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Event {
    pub(crate) at: DateTime<Utc>,
    pub(crate) provider: Provider,
    pub(crate) what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
    Pick { model: Option<String> },
    Report { id: CredentialId, failure: Box<Failure> },
    Success { id: CredentialId, model: Option<String> },
    Reset { revive: Revive },
    State,
}

impl Event {
    /// Reads one line; the error says what is wrong with it.
    pub(crate) fn read(line: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("is no JSON (column {})", error.column()))?;
        let Value::Object(fields) = value else { return Err("is no JSON object".to_owned()) };
        let fields = Fields(fields);
        let provider =
            Provider::new(fields.needed("provider")?).map_err(|_| "has a `provider` that is empty")?;
        let at = fields.time("at")?.ok_or("has no `at`")?;
        if !leaves_room(at) {
            return Err("has an `at` that is past the year 9998".to_owned());
        }
        Ok(Self { at, provider, what: fields.what()? })
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn what(&self) -> Result<What, String> {
        match self.needed("op")? {
            "pick" => Ok(What::Pick { model: self.model()? }),
            "report" => Ok(What::Report { id: self.id()?, failure: Box::new(self.failure()?) }),
            "success" => Ok(What::Success { id: self.id()?, model: self.model()? }),
            "reset" => {
                let revive = if self.flag("dead")? { Revive::TheDead } else { Revive::Nobody };
                Ok(What::Reset { revive })
            }
            "state" => Ok(What::State),
            other => Err(format!("has an `op` that is unknown: `{other}`")),
        }
    }

    fn failure(&self) -> Result<Failure, String> {
        let failure = match self.text("response")? {
            Some(raw) => self.in_response(raw)?,
            None => self.in_fields()?,
        };
        Ok(told::about(failure, self.model()?.as_deref()))
    }

    fn in_response(&self, raw: &str) -> Result<Failure, String> {
        let beside =
            ["status", "code", "message", "reset_at"].into_iter().find(|name| self.given(name).is_some());
        if let Some(name) = beside {
            return Err(format!("has a `{name}` beside a `response`, which tells that itself"));
        }
        Failure::response(raw.as_bytes())
            .ok_or_else(|| "has a `response` that is no raw HTTP response".to_owned())
    }

    fn in_fields(&self) -> Result<Failure, String> {
        let mut failure = match self.given("status") {
            None => Failure::no_answer(),
            Some(status) => Failure::http(
                status
                    .as_u64()
                    .and_then(|status| u16::try_from(status).ok())
                    .ok_or("has a `status` that is no HTTP status")?,
            ),
        };
        if let Some(code) = self.text("code")? {
            failure = failure.code(code);
        }
        if let Some(message) = self.text("message")? {
            failure = failure.message(message);
        }
        Ok(match self.time("reset_at")? {
            Some(time) => failure.reset_at(time),
            None => failure,
        })
    }

    fn model(&self) -> Result<Option<String>, String> {
        Ok(self.text("model")?.map(str::to_owned))
    }

    fn id(&self) -> Result<CredentialId, String> {
        CredentialId::new(self.needed("credential")?)
            .map_err(|_| "has a `credential` that is empty".to_owned())
    }

    fn needed(&self, name: &str) -> Result<&str, String> {
        self.text(name)?.ok_or_else(|| format!("has no `{name}`"))
    }

    fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("has no text as its `{name}`")),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        match self.given(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("has neither true nor false as its `{name}`")),
        }
    }

    fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, String> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let read = match value {
            Value::String(text) => time::parse_text(text),
            Value::Number(number) => time::parse_number(&number.to_string()),
            _ => return Err(format!("has neither text nor a number as its `{name}`")),
        };
        match read {
            Some(time) => Ok(Some(time)),
            // A reset that is no time is no hint; an event without its time has no place in the order.
            None if name == "reset_at" => Ok(None),
            None => Err(format!("has an `{name}` that is no time")),
        }
    }

    fn given(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}
