//! The languages the upstream can answer in: what a prompt asks for, and sentences to answer with. It speaks English where it knows no
//! better.

use super::texts;
use regex::Regex;
use std::sync::LazyLock;

/// Templates of one language, with `{p}` for the product.
pub(super) struct Tongue {
    name: &'static str,
    pub(super) sentences: &'static [&'static str],
    pub(super) labels: &'static [&'static str],
    pub(super) short: &'static [&'static str],
    pub(super) questions: &'static [&'static str],
}

static ENGLISH: Tongue =
    Tongue { name: "English", sentences: &texts::SENTENCES, labels: &texts::LABELS, short: &texts::SHORT, questions: &texts::QUESTIONS };

static OTHERS: [Tongue; 4] = [
    Tongue {
        name: "German",
        sentences: &[
            "Bis Ende Juni zeigen 40 Bestellungen im Monat, dass {p} gefragt und gewollt sind.",
            "Ein kurzer Film zeigt, wie {p} entstehen, und beantwortet die 3 häufigsten Fragen.",
            "Der Preis für {p} deckt Material, Verpackung, Porto und 1 ehrliche Stunde Arbeit.",
            "Mit jeder Lieferung von {p} kommt eine Karte mit Tipps für die Pflege ins Haus.",
            "Auf dem Markt sammeln wir für {p} die ersten 40 offenen Meinungen und lernen daraus.",
            "Kostenlose Rückgabe in 30 Tagen nimmt die Sorge, {p} ungesehen zu bestellen.",
        ],
        labels: &[
            "{p} für jeden Tag",
            "Das Geschenk mit {p}",
            "{p} aus der Werkstatt",
            "Der Anfang mit {p}",
            "{p} für das Zuhause",
            "Ein Blick auf {p}",
        ],
        short: &["für Tage", "Geschenk", "Werkstatt", "Anfang", "Zuhause", "Klassiker"],
        questions: &[
            "Ist die erste Menge von {p} bezahlt?",
            "Passt {p} in ein normales Paket?",
            "Gibt es für {p} eine zweite Quelle?",
            "Deckt der Preis von {p} alle Kosten?",
            "Kam {p} schon einmal zurück?",
            "Braucht {p} Papiere für den Zoll?",
        ],
    },
    Tongue {
        name: "Spanish",
        sentences: &[
            "Con 40 pedidos al mes antes de junio se ve que la gente vuelve por {p} con gusto.",
            "Un vídeo corto muestra cómo se hacen {p} y responde a las 3 dudas de los clientes.",
            "El precio de {p} cubre el material, el envío y 1 hora de trabajo justa del taller.",
            "Cada pedido de {p} lleva una tarjeta con consejos para el cuidado y el arreglo.",
            "En el mercado se reúnen las primeras 40 opiniones sobre {p} para mejorar la oferta.",
            "La devolución gratuita en 30 días quita el miedo a comprar {p} por primera vez.",
        ],
        labels: &[
            "{p} para cada día",
            "Una caja de regalo con {p}",
            "{p} del taller",
            "Primeros pasos con {p}",
            "{p} para el hogar",
            "Una mirada a {p}",
        ],
        short: &["para ti", "un regalo", "del taller", "un clásico", "el hogar", "el inicio"],
        questions: &[
            "¿Está pagado el primer lote de {p}?",
            "¿Cabe {p} en un paquete normal?",
            "¿Hay otro proveedor de {p}?",
            "¿Cubre el precio de {p} todos los costes?",
            "¿Ha devuelto alguien {p}?",
            "¿Se puede hacer {p} en 3 días?",
        ],
    },
    Tongue {
        name: "Japanese",
        sentences: &[
            "6月末までに月40件の注文があれば、{p}が求められていると分かります。その数は毎週金曜日に確かめ、次の仕入れを決めるために使います。",
            "短い動画で{p}の作り方を見せ、購入前によくある3つの質問に答えます。動画は商品ページの最初に置き、字幕も必ず付けて公開していきます。",
            "{p}の価格には材料費、梱包費、送料、そして1時間分の手間賃が含まれます。内訳は商品ページに書き、誰でも確かめられるようにします。",
            "週末の市場で{p}について最初の40人の意見を聞き、改善に生かします。聞いた言葉はそのまま書き留め、翌週の準備に使っていきます。",
            "{p}は30日以内なら無料で返品できるので、触らずに注文する不安がなくなります。返品の理由は必ず記録し、次の改良に生かします。",
            "{p}には手入れの説明を添えるので、返品や苦情が少なくなります。2年後も長く使い続けられるように、部品は1つから交換できます。",
        ],
        labels: &["{p}の毎日セット", "{p}の贈り物箱", "工房の{p}", "はじめての{p}", "暮らしの{p}", "{p}の定番"],
        short: &["毎日使うもの", "贈り物の箱", "工房の品", "定番の品", "暮らしの品", "はじめの品"],
        questions: &[
            "{p}の最初の仕入れ代は支払い済みですか？",
            "{p}は普通の箱で送れますか？",
            "{p}の仕入れ先はもう一つありますか？",
            "{p}の価格はすべての費用を賄えますか？",
            "{p}は返品されたことがありますか？",
            "{p}は3日で作れますか？",
        ],
    },
    Tongue {
        name: "Arabic",
        sentences: &[
            "يُظهر وصول 40 طلبا في الشهر قبل نهاية يونيو أن الناس يعودون من أجل {p} ويوصون به.",
            "يعرض فيلم قصير كيف نصنع {p} ويجيب عن أكثر 3 أسئلة تؤخر قرار الشراء عند الناس.",
            "يغطي سعر {p} ثمن المواد والتغليف والشحن وأجر 1 ساعة من العمل المنصف في الورشة.",
            "نرفق مع كل طلب من {p} بطاقة فيها نصائح للعناية والإصلاح فتقل المرتجعات والشكاوى.",
            "نجمع في سوق نهاية الأسبوع أول 40 رأيا صريحا عن {p} ونستفيد منها في الدفعة القادمة.",
            "يزيل الإرجاع المجاني خلال 30 يوما الخوف من طلب {p} دون لمسه أو تجربته قبل الشراء.",
        ],
        labels: &["{p} لكل يوم", "علبة هدية مع {p}", "{p} من الورشة", "البداية مع {p}", "{p} للبيت", "نظرة على {p}"],
        short: &["لكل يوم", "علبة هدية", "من الورشة", "البداية", "للبيت", "كلاسيكي"],
        questions: &[
            "هل دُفع ثمن الدفعة الأولى من {p}؟",
            "هل يمكن شحن {p} في طرد عادي؟",
            "هل يوجد مورد آخر من أجل {p}؟",
            "هل يغطي السعر كل تكاليف {p}؟",
            "هل أعاد أحد {p} من قبل؟",
            "هل يمكن صنع {p} في 3 أيام؟",
        ],
    },
];

static ASKED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?:Write in|Language:) ([A-Z][a-z]+)").expect("a constant pattern compiles"));

/// The language a prompt says the answer is to be in.
pub(super) fn asked(prompt: &str) -> &'static Tongue {
    let name = ASKED.captures(prompt).and_then(|found| found.get(1)).map_or("", |name| name.as_str());
    OTHERS.iter().find(|tongue| tongue.name == name).unwrap_or(&ENGLISH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_the_prompt_is_spoken() {
        assert_eq!(asked("Keep the brand voice. Write in German, in the given form only.").name, "German");
        assert_eq!(asked("Money in EUR. Language: Arabic.").name, "Arabic");
        assert_eq!(asked("Write in Thai.").name, "English");
    }

    #[test]
    fn sentences_are_long_enough_for_schemas_that_cannot_say_so() {
        for sentence in [&ENGLISH].into_iter().chain(&OTHERS).flat_map(|tongue| tongue.sentences) {
            let length = sentence.replace("{p}", "").chars().count();
            assert!((60..=88).contains(&length), "{length}: {sentence}");
        }
    }
}
