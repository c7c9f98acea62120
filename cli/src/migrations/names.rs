//! What the name of a migration suggests, as in Rails: `create_user`, `add_email_to_user`, `remove_email_from_user`.

/// What a migration is likely to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Make a table.
    Create(String),
    /// Add fields to a table.
    Add(String),
    /// Remove fields from a table.
    Remove(String, String),
    /// Rename a field of a table.
    Rename(String, String, String),
    /// No name says so.
    Unknown,
}

impl Wish {
    /// What a name suggests.
    pub(super) fn of(name: &str) -> Wish {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
        if let Some(table) = name.strip_prefix("create_").and_then(some) {
            return Wish::Create(table);
        }
        if let Some((_, table)) = name
            .strip_prefix("add_")
            .and_then(|rest| rest.rsplit_once("_to_"))
        {
            return some(table).map_or(Wish::Unknown, Wish::Add);
        }
        let removed = name
            .strip_prefix("remove_")
            .and_then(|rest| rest.rsplit_once("_from_"));
        if let Some((field, table)) = removed {
            return match (some(field), some(table)) {
                (Some(field), Some(table)) => Wish::Remove(table, field),
                _ => Wish::Unknown,
            };
        }
        let renamed = name
            .strip_prefix("rename_")
            .and_then(|rest| rest.rsplit_once("_in_"));
        if let Some((fields, table)) = renamed {
            if let (Some((from, to)), Some(table)) = (fields.split_once("_to_"), some(table)) {
                return Wish::Rename(table, from.into(), to.into());
            }
        }
        Wish::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_suggests_what_is_to_be_done() {
        let text = |text: &str| text.to_string();
        for (name, wish) in [
            ("create_user_session", Wish::Create(text("user_session"))),
            ("add_email_to_user", Wish::Add(text("user"))),
            ("add_a_to_b_to_c", Wish::Add(text("c"))),
            (
                "remove_age_from_user",
                Wish::Remove(text("user"), text("age")),
            ),
            (
                "rename_a_to_b_in_user",
                Wish::Rename(text("user"), text("a"), text("b")),
            ),
            ("create_", Wish::Unknown),
            ("add_email", Wish::Unknown),
            ("move_users", Wish::Unknown),
        ] {
            assert_eq!(Wish::of(name), wish, "{name}");
        }
    }
}
