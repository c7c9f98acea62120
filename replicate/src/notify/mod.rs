//! Telling others: subscribers, webhooks and commands.
