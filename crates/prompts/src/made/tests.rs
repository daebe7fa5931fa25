use super::*;

fn files() -> Library {
    Library::load(None).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn name(text: &str) -> SectionName {
    SectionName::parse(text).expect("a name")
}

/// The template as the files have it, as another version with one more line.
fn proposed(library: &Library, section: &str, version: &str, line: &str) -> SourceFile {
    let template = library.latest().template(&name(section)).expect("is there").clone();
    let text = library.source(&template).expect("its text").replacen("  Rules:\n", &format!("  Rules:\n  - {line}\n"), 1);
    let text = text.replacen(&format!("version: {}", template.version), &format!("version: {version}"), 1);
    SourceFile::at(&format!("v{version}/{section}.yaml"), text).expect("a place")
}

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

fn versions(library: &Library, release: &str, section: &str) -> String {
    library.release(&version(release)).expect("a release").template(&name(section)).expect("is there").version.to_string()
}

#[test]
fn a_release_is_what_production_serves_and_its_own_files() {
    let files = files();
    let served = files.latest().version;
    let first = files.clone().over(&served).with(&[proposed(&files, "swot", "7.1.0", "One.")]).expect("is made");
    // It was never accepted: what is made next has nothing of it, though it is lower.
    let second = first.over(&served).with(&[proposed(&files, "brand-kit", "7.2.0", "Two.")]).expect("is made");
    assert_eq!(versions(&second, "7.1.0", "swot"), "7.1.0");
    assert_eq!(versions(&second, "7.2.0", "brand-kit"), "7.2.0");
    assert_eq!(versions(&second, "7.2.0", "swot"), served.to_string());
    // Once production serves it, it is what the next one is made over.
    let third = second.over(&version("7.1.0")).with(&[proposed(&files, "brand-kit", "7.3.0", "Three.")]).expect("is made");
    assert_eq!((versions(&third, "7.3.0", "swot").as_str(), versions(&third, "7.3.0", "brand-kit").as_str()), ("7.1.0", "7.3.0"));
    // And the files' own releases know nothing of any.
    assert_eq!(versions(&third, "9.0.0", "swot"), served.to_string());
}

#[test]
fn a_kept_release_stays_what_it_is_whatever_the_files_become() {
    let files = files();
    let served = files.latest().version;
    let made = files.clone().over(&served).with(&[proposed(&files, "swot", "7.1.0", "One.")]).expect("is made");
    let kept = made.keep(&version("7.1.0")).expect("was made");
    let (content, none) = (made.release(&version("7.1.0")).expect("is there").content(), files.clone());
    let (other, left_out) = Library::from_files(&[]).expect("no files are a library").with_kept(std::slice::from_ref(&kept), &none);
    assert_eq!(left_out, []);
    assert_eq!(other.release(&version("7.1.0")).expect("is there").content(), content);
    // One that cannot be read is left out and named; the others stay.
    let mut broken = Kept { version: version("7.2.0"), ..kept.clone() };
    for text in broken.files.values_mut().take(1) {
        *text = "name: [".into();
    }
    let (other, left_out) = files.with_kept(&[kept, broken], &none);
    assert_eq!(left_out.iter().map(|one| one.version.clone()).collect::<Vec<_>>(), [version("7.2.0")]);
    assert!(other.releases().contains(&version("7.1.0")) && !other.releases().contains(&version("7.2.0")));
}

#[test]
fn a_schema_is_held_against_what_production_serves_only() {
    let files = files();
    let served = files.latest().version;
    let longer = |file: SourceFile| {
        let text =
            file.text.replacen("  properties:\n", "  properties:\n    extra: {type: string, maxLength: 20, description: More.}\n", 1);
        SourceFile { text, ..file }
    };
    let made = files.clone().over(&served).with(&[longer(proposed(&files, "swot", "7.1.0", "One."))]).expect("is made");
    let again = made.clone().over(&served).with(&[proposed(&files, "swot", "7.2.0", "Two.")]);
    assert!(again.is_ok(), "production never had the field: {again:#?}");
    let gone = made.over(&version("7.1.0")).with(&[proposed(&files, "swot", "7.2.0", "Two.")]).expect_err("production has the field");
    assert!(gone[0].message.contains("major"), "{gone:#?}");
}
