//! The fields of an entry and of a record that this program reads, found in one walk over the members.

use crate::raw::{Members, Slice};

/// Makes an enum of fields and what finds them.
macro_rules! fields {
    ($(#[$doc:meta])* $name:ident($count:literal) { $($variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name {
            $(
                #[doc = concat!("`", $word, "`.")]
                $variant,
            )*
        }

        impl $name {
            /// The name in the file.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            fn named(name: &str) -> Option<Self> {
                match name {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Field for $name {
            type Slots<'a> = [Option<Slice<'a>>; $count];

            fn named(name: &str) -> Option<usize> {
                Self::named(name).map(|field| field as usize)
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

fields! {
    /// A field of an entry.
    EntryField(22) {
        Id = "id",
        Label = "label",
        AuthType = "auth_type",
        Priority = "priority",
        Source = "source",
        AccessToken = "access_token",
        RefreshToken = "refresh_token",
        AgentKey = "agent_key",
        SecretFingerprint = "secret_fingerprint",
        BaseUrl = "base_url",
        InferenceBaseUrl = "inference_base_url",
        ExpiresAt = "expires_at",
        ExpiresAtMs = "expires_at_ms",
        LastRefresh = "last_refresh",
        LastStatus = "last_status",
        LastStatusAt = "last_status_at",
        LastErrorCode = "last_error_code",
        LastErrorReason = "last_error_reason",
        LastErrorMessage = "last_error_message",
        LastErrorResetAt = "last_error_reset_at",
        FailureReason = "failure_reason",
        RequestCount = "request_count",
    }
}

fields! {
    /// A field of a record, or of what is said of a model in it.
    RecordField(14) {
        Status = "status",
        StatusAt = "status_at",
        Subject = "subject",
        ResetAt = "reset_at",
        ResetFrom = "reset_from",
        Account = "account",
        LastError = "last_error",
        RequestCount = "request_count",
        LastUsedAt = "last_used_at",
        Models = "models",
        Strikes = "strikes",
        Replaced = "replaced",
        Refresh = "refresh",
        RenewedAt = "renewed_at",
    }
}

fields! {
    /// A field of the strikes in a record.
    StrikesField(3) {
        Count = "count",
        FirstAt = "first_at",
        Subject = "subject",
    }
}

fields! {
    /// A field of the renewal in a record.
    RefreshField(7) {
        Subject = "subject",
        At = "at",
        Pid = "pid",
        Retry = "retry",
        Unanswered = "unanswered",
        Lost = "lost",
        Until = "until",
    }
}

fields! {
    /// A field of the error in a record.
    ErrorField(4) {
        Kind = "kind",
        Code = "code",
        Reason = "reason",
        Message = "message",
    }
}

/// A set of names to look for.
pub trait Field: Copy {
    /// A place for each of them.
    type Slots<'a>: AsRef<[Option<Slice<'a>>]> + AsMut<[Option<Slice<'a>>]> + Default;

    /// The number of the field of this name.
    fn named(name: &str) -> Option<usize>;

    /// The number of the field.
    fn index(self) -> usize;
}

/// The known fields of one object. Of several members with a name the last counts, as in Python.
///
/// ```
/// use pool_format::raw::Raw;
/// use pool_format::{EntryField, Fields};
///
/// let raw = Raw::parse(r#"{"id": "a1", "theirs": 1, "priority": null}"#.to_owned())?;
/// let entry = Fields::of(&raw).expect("an object");
/// assert_eq!(entry.get(EntryField::Id).and_then(|id| id.to_text()).as_deref(), Some("a1"));
/// assert!(entry.told(EntryField::Priority).is_none(), "null says nothing");
/// # Ok::<(), pool_format::raw::SyntaxError>(())
/// ```
#[derive(Debug)]
pub struct Fields<'a, F: Field>(F::Slots<'a>, std::marker::PhantomData<F>);

impl<'a, F: Field> Fields<'a, F> {
    /// Finds the fields of an object; `None` where it is none.
    #[must_use]
    pub fn of(object: &'a impl Members) -> Option<Self> {
        let mut slots = F::Slots::default();
        let is_object = object.each_member(&mut |key, value| {
            let field = key.decoded().and_then(|name| F::named(&name));
            if let Some(slot) = field.and_then(|field| slots.as_mut().get_mut(field)) {
                *slot = Some(value);
            }
        });
        is_object.then_some(Self(slots, std::marker::PhantomData))
    }

    /// What stands there.
    #[must_use]
    pub fn get(&self, field: F) -> Option<Slice<'a>> {
        self.0.as_ref().get(field.index()).copied().flatten()
    }

    /// What is said there; null says nothing.
    #[must_use]
    pub fn told(&self, field: F) -> Option<Slice<'a>> {
        self.get(field).filter(|value| !value.is_null())
    }

    /// The text that stands there.
    #[must_use]
    pub fn text(&self, field: F) -> Option<String> {
        self.get(field)?.to_text()
    }
}
