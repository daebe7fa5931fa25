//! What the store promises about mail to members.

use crate::place::Place;
use crate::samples::{mail, noon};
use chrono::TimeDelta;
use domain::ids::{MailId, OwnerId};
use domain::mails::Mail;
use store::Store;

async fn write(store: &Store, mail: &Mail) -> bool {
    let tx = store.tenant(mail.owner).await.expect("begins");
    let written = tx.insert_mail(mail).await.expect("answers");
    tx.commit().await.expect("commits");
    written
}

pub async fn a_mail_is_written_once(place: &Place) {
    let first = mail(OwnerId::new());
    assert!(write(&place.store, &first).await);
    for owner in [first.owner, OwnerId::new()] {
        let again = Mail { unique_key: first.unique_key.clone(), ..mail(owner) };
        assert!(!write(&place.store, &again).await, "its key is known");
        assert_eq!(place.store.mail(again.id).await.expect("reads"), None);
    }
    assert_eq!(place.store.mail(first.id).await.expect("reads"), Some(first));
}

pub async fn mails_are_sent_erased_and_forgotten(place: &Place) {
    let store = &place.store;
    let mails = [0, 1, 2].map(|hours| Mail { created: noon() + TimeDelta::hours(hours), ..mail(OwnerId::new()) });
    for mail in &mails {
        assert!(write(store, mail).await);
    }
    store.set_mail_sent(mails[1].id, noon(), false).await.expect("writes");
    store.set_mail_sent(mails[2].id, noon(), true).await.expect("writes");
    store.set_mail_sent(MailId::new(), noon(), true).await.expect("answers");
    let sent = Mail { sent: Some(noon()), ..mails[1].clone() };
    let erased = Mail { sent: Some(noon()), text: String::new(), html: String::new(), ..mails[2].clone() };
    assert_eq!(store.mails(9, None).await.expect("reads"), [erased.clone(), sent.clone(), mails[0].clone()]);
    assert_eq!(store.mails(1, Some(mails[2].id)).await.expect("reads"), [sent]);
    let own = store.tenant_read(mails[0].owner).await.expect("begins").own_mails().await.expect("reads");
    assert!(own.contains(&mails[0]) && own.iter().all(|mail| mail.owner == mails[0].owner), "{own:?}");
    assert_eq!(store.tenant_read(OwnerId::new()).await.expect("begins").own_mails().await.expect("reads"), []);
    assert_eq!(store.forget_mails(noon() + TimeDelta::hours(2)).await.expect("forgets"), 2);
    assert_eq!(store.mails(9, None).await.expect("reads"), [erased]);
}
