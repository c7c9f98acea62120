//! What the console offers while a line is typed.

use crate::{
    harness::Project,
    sample::{accounts, send},
    terminal::*,
};

fn console(columns: u16, lines: u16) -> (crate::harness::Server, Project, Terminal) {
    let server = accounts();
    let project = Project::new(&[&server]);
    let terminal = Terminal::open(&project, &["console"], columns, lines);
    terminal.prompt();
    (server, project, terminal)
}

#[test]
fn words_complete_as_the_grammar_goes() {
    let (_server, _project, terminal) = console(100, 30);
    for (typed, completed) in [
        ("YARR.W", "YARR.WHERE "),
        ("acc", "account "),
        ("pl", "plan "),
        ("!", "!= "),
        ("f", "free "),
        ("OR", "OR"),
    ] {
        terminal.type_in(typed);
        terminal.press(TAB);
        terminal.wait(completed, |screen| {
            screen.before_cursor().ends_with(completed)
        });
    }
    terminal.shows("ORDER");
    terminal.press(CTRL_C);
    terminal.prompt();
    // Small letters stay small.
    terminal.type_in("yarr.agg");
    terminal.press(TAB);
    terminal.wait("small letters", |screen| {
        screen.before_cursor().ends_with("yarr.aggregate ")
    });
}

#[test]
fn a_menu_shows_fields_with_their_types_and_values_of_an_enum() {
    let (_server, _project, terminal) = console(100, 30);
    terminal.type_in("YARR.FIND account 1 RETURN ");
    terminal.press(TAB);
    let screen = terminal.shows("email");
    assert!(screen.text().contains("since"), "{}", screen.text());
    // The one that is chosen is told of.
    terminal.press(TAB);
    terminal.shows("INTEGER, key");
    terminal.press(TAB);
    terminal.shows("STRING, unique");
    terminal.press(CTRL_C);
    terminal.prompt();
    terminal.type_in("YARR.UPDATE account 1 SET plan ");
    terminal.press(TAB);
    let screen = terminal.shows("free");
    assert!(screen.text().contains("pro"), "{}", screen.text());
}

#[test]
fn a_hint_tells_what_may_stand_next_and_how_a_line_went_on() {
    let (_server, _project, terminal) = console(100, 30);
    terminal.press("YARR.WHERE account ");
    terminal.shows("YARR.WHERE account * NOT ( field");
    terminal.press("plan = ");
    terminal.shows("plan = free|pro");
    terminal.press("free COUNT");
    terminal.press(ENTER);
    terminal.shows("(integer) 1");
    terminal.prompt();
    terminal.press("SET ");
    terminal.shows("SET key value [");
    terminal.press(CTRL_C);
    terminal.prompt();
    terminal.press("YARR.W");
    terminal.wait("the rest of the line", |screen| {
        screen
            .text()
            .matches("> YARR.WHERE account plan = free COUNT")
            .count()
            == 2
    });
    terminal.press(RIGHT);
    terminal.wait("the whole line", |screen| {
        screen.before_cursor().ends_with("plan = free COUNT")
    });
}

#[test]
fn a_field_that_is_named_like_a_clause_gets_its_sign() {
    let (server, _project, terminal) = console(100, 30);
    send(
        &server,
        &["YARR.MIGRATE tally UP 1 create ADD FIELD count INTEGER"],
    );
    terminal.type_in("YARR.WHERE tally * RETURN cou");
    terminal.press(TAB);
    terminal.wait("the sign", |screen| {
        screen.before_cursor().ends_with("RETURN @count ")
    });
}

#[test]
fn what_changes_in_the_console_is_known_at_once() {
    let (_server, _project, terminal) = console(120, 30);
    terminal.line("YARR.MIGRATE pet UP 1 create_pet ADD FIELD name STRING");
    terminal.line("YARR.MIGRATE pet UP 2 add_age ADD FIELD age INTEGER");
    terminal.type_in("YARR.WHERE pet a");
    terminal.press(TAB);
    terminal.wait("the new field", |screen| {
        screen.before_cursor().ends_with("pet age ")
    });
    terminal.press(CTRL_C);
    terminal.prompt();
    terminal.line("MULTI");
    terminal.line("DEL pet");
    terminal.line("EXEC");
    let screen = terminal.line("\\d");
    let (_, listed) = screen
        .text()
        .rsplit_once("\\d\n")
        .map(|(a, b)| (a.to_string(), b.to_string()))
        .expect("a list");
    assert!(
        listed.contains("account") && !listed.contains(" pet "),
        "{listed}"
    );
}

#[test]
fn where_nothing_completes_nothing_happens() {
    let (_server, _project, terminal) = console(100, 30);
    terminal.type_in("YARR.FIND account zz");
    terminal.press(TAB);
    terminal.type_in("y");
    let screen = terminal.line(" RETURN id");
    let text = screen.text();
    assert!(
        text.contains("> YARR.FIND account zzy RETURN id\n(error) "),
        "{text}"
    );
    assert!(!text.contains("NO RECORDS"), "{text}");
}

#[test]
fn subcommands_and_tables_behind_a_backslash_complete_too() {
    let (_server, _project, terminal) = console(100, 30);
    terminal.type_in("CONFIG RES");
    terminal.press(TAB);
    terminal.wait("a subcommand", |screen| {
        screen.before_cursor().ends_with("CONFIG RESETSTAT ")
    });
    terminal.press(CTRL_C);
    terminal.prompt();
    terminal.type_in("\\d acc");
    terminal.press(TAB);
    terminal.wait("a table", |screen| {
        screen.before_cursor().ends_with("\\d account ")
    });
}

#[test]
fn words_have_colours_by_their_parts_unless_told_not_to() {
    let (server, _project, terminal) = console(100, 30);
    terminal.type_in("YARR.WHERE account plam = free");
    let screen = terminal.wait("colours", |screen| {
        screen.color_of("plam") != vt100::Color::Default
    });
    assert!(screen.is_bold("YARR.WHERE"));
    assert_ne!(screen.color_of("account plam"), vt100::Color::Default);
    assert_eq!(screen.color_of("plam"), vt100::Color::Idx(1));
    drop(terminal);
    let project = Project::new(&[&server]);
    let terminal = Terminal::open_with(&project, &["console"], 100, 30, &[("NO_COLOR", "1")]);
    terminal.prompt();
    terminal.type_in("YARR.WHERE account plam = free");
    terminal.press(ENTER);
    let screen = terminal.shows("NOFIELD");
    for text in ["YARR.WHERE", "plam", "(error)"] {
        assert_eq!(screen.color_of(text), vt100::Color::Default, "{text}");
    }
}
