"""The words of the course's grammar, and the French rules that change them: gender, plural, elision, contraction.

Tables are text, one entry between commas: `english: masculine feminine` for adjectives and professions (the second
form may be left out where it is the same), `english: french gender` for nouns. Every h in the lexicon is mute, so
it elides as a vowel does.
"""

from typing import NamedTuple

MASCULINE, FEMININE = "m", "f"
VOWELS = "aeiouyhâàéèêëîïôœ"
PRESENT, PAST, FUTURE = range(3)
ETRE_IL, ETRE_ILS = ("est", "était", "sera"), ("sont", "étaient", "seront")
IS, ARE = ("is", "was", "will be"), ("are", "were", "will be")


class Adjective(NamedTuple):
    """An adjective or a profession: a word with two genders."""

    english: str
    masculine: str
    feminine: str

    def form(self, gender: str, is_plural: bool = False) -> str:
        word = self.masculine if gender == MASCULINE else self.feminine
        return plural(word) if is_plural else word


class Noun(NamedTuple):
    english: str
    french: str
    gender: str

    def form(self, is_plural: bool = False) -> str:
        return plural(self.french) if is_plural else self.french


class Subject(NamedTuple):
    """Who: with the forms of "to be", "être" and "avoir" that go with it."""

    english: str
    french: str
    gender: str
    is_plural: bool
    be: tuple[str, str, str]  # present, past, future
    etre: tuple[str, str, str]
    avoir: str


class Verb(NamedTuple):
    """What happened: "go to" is "went to" in the past and "allé" with "être", then "à" and a place."""

    english: str
    english_past: str
    auxiliary: str
    participle: str
    preposition: str = ""


def plural(french: str) -> str:
    """chat → chats, chapeau → chapeaux, animal → animaux; gris and heureux stay."""
    if french[-1] in "sxz":
        return french
    if french.endswith("al"):
        return french[:-1] + "ux"
    return french + ("x" if french.endswith("eau") else "s")


def english_plural(noun: str) -> str:
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def an(english: str) -> str:
    """The words with their indefinite article: "a student", "an excellent student"."""
    return ("an " if english[0] in "aeiou" else "a ") + english


def before(short: str, word: str) -> str:
    """Put je, ne, le, la or de before a word; before a vowel its own vowel falls: l'animal, n'est, d'anciens."""
    return f"{short[:-1]}'{word}" if word[0] in VOWELS else f"{short} {word}"


def singular(english: str, french: str, gender: str) -> Subject:
    """Somebody or something in the third person: the forms of he, she and it."""
    return Subject(english, french, gender, False, IS, ETRE_IL, "a")


def several(english: str, french: str, gender: str) -> Subject:
    """Several of them: the forms of they."""
    return Subject(english, french, gender, True, ARE, ETRE_ILS, "ont")


def the(noun: Noun, is_plural: bool = False) -> str:
    """The noun with its definite article: "le chat", "la rue", "l'avenue", "les rues"."""
    if is_plural:
        return f"les {noun.form(True)}"
    return before("le" if noun.gender == MASCULINE else "la", noun.french)


def contracted(preposition: str, noun: Noun) -> str:
    """A preposition and the noun with its article: à + le = au, de + le = du; others do not change."""
    phrase = the(noun)
    if preposition in ("à", "de") and phrase.startswith("le "):
        return {"à": "au", "de": "du"}[preposition] + phrase.removeprefix("le")
    if preposition.endswith(" de"):  # près de + le pont = près du pont
        return f"{preposition.removesuffix(' de')} {contracted('de', noun)}"
    return f"{preposition} {phrase}".strip()


def possessive(owner: str, noun: Noun, is_plural: bool = False) -> str:
    """ "my", "his" and so on with a noun: "ma voiture", "mes voitures", but "mon armoire" before a vowel."""
    masculine, feminine, many = POSSESSIVES[owner]
    if is_plural:
        return f"{many} {noun.form(True)}"
    takes_feminine = noun.gender == FEMININE and noun.french[0] not in VOWELS
    return f"{feminine if takes_feminine else masculine} {noun.french}"


def sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]


def _entries(table: str) -> list[tuple[str, list[str]]]:
    entries = (entry.split(":") for entry in table.split(","))
    return [(english.strip(), french.split()) for english, french in entries]


def _adjectives(table: str) -> tuple[Adjective, ...]:
    return tuple(Adjective(english, french[0], french[-1]) for english, french in _entries(table))


def _nouns(table: str) -> tuple[Noun, ...]:
    return tuple(Noun(english, *french) for english, french in _entries(table))


POSSESSIVES = {
    "my": ("mon", "ma", "mes"),
    "your": ("votre", "votre", "vos"),
    "his": ("son", "sa", "ses"),
    "our": ("notre", "notre", "nos"),
    "their": ("leur", "leur", "leurs"),
}
DEGREES = {"": "", "very": "très", "too": "trop", "so": "si"}
TIMES = {
    "": "",
    "yesterday": "hier",
    "this morning": "ce matin",
    "last night": "hier soir",
    "last week": "la semaine dernière",
    "on Monday": "lundi",
    "two days ago": "il y a deux jours",
}

PROFESSIONS = _adjectives("""
    student: étudiant étudiante, teacher: enseignant enseignante, doctor: médecin, lawyer: avocat avocate,
    nurse: infirmier infirmière, baker: boulanger boulangère, singer: chanteur chanteuse, dancer: danseur danseuse,
    musician: musicien musicienne, writer: écrivain écrivaine, painter: peintre, engineer: ingénieur ingénieure,
    journalist: journaliste, dentist: dentiste, architect: architecte, pharmacist: pharmacien pharmacienne,
    cook: cuisinier cuisinière, gardener: jardinier jardinière, farmer: agriculteur agricultrice,
    driver: conducteur conductrice, pilot: pilote, photographer: photographe, librarian: bibliothécaire,
    hairdresser: coiffeur coiffeuse, butcher: boucher bouchère, mechanic: mécanicien mécanicienne,
    electrician: électricien électricienne, plumber: plombier plombière, carpenter: charpentier charpentière,
    scientist: scientifique, researcher: chercheur chercheuse, mathematician: mathématicien mathématicienne,
    physicist: physicien physicienne, chemist: chimiste, biologist: biologiste, historian: historien historienne,
    translator: traducteur traductrice, judge: juge, soldier: soldat soldate, director: directeur directrice,
    accountant: comptable, veterinarian: vétérinaire, florist: fleuriste, swimmer: nageur nageuse,
    economist: économiste, philosopher: philosophe, sculptor: sculpteur sculptrice, surgeon: chirurgien chirurgienne,
    composer: compositeur compositrice, psychologist: psychologue""")

QUALITIES = _adjectives("""
    good: bon bonne, bad: mauvais mauvaise, young: jeune, excellent: excellent excellente, great: grand grande,
    former: ancien ancienne, future: futur future""")  # all stand before the noun in French, too

STATES = _adjectives("""
    tired: fatigué fatiguée, happy: heureux heureuse, sad: triste, young: jeune, old: vieux vieille,
    small: petit petite, tall: grand grande, strong: fort forte, weak: faible, rich: riche, poor: pauvre,
    busy: occupé occupée, sick: malade, curious: curieux curieuse, proud: fier fière, lazy: paresseux paresseuse,
    clever: intelligent intelligente, kind: gentil gentille, famous: célèbre, calm: calme, nervous: nerveux nerveuse,
    jealous: jaloux jalouse, worried: inquiet inquiète, surprised: surpris surprise, disappointed: déçu déçue,
    patient: patient patiente, polite: poli polie, brave: courageux courageuse, serious: sérieux sérieuse,
    honest: honnête""")

ANIMALS = _nouns("""
    animal: animal m, cat: chat m, dog: chien m, cow: vache f, horse: cheval m, mouse: souris f, bird: oiseau m,
    goat: chèvre f, tortoise: tortue f, fox: renard m, elephant: éléphant m, ant: fourmi f, sheep: mouton m,
    snail: escargot m, frog: grenouille f, hen: poule f, bee: abeille f, spider: araignée f""")

PLACES = _nouns("""
    street: rue f, road: route f, bridge: pont m, river: rivière f, field: champ m, garden: jardin m,
    forest: forêt f, square: place f, path: sentier m, park: parc m, meadow: prairie f, avenue: avenue f,
    tunnel: tunnel m, valley: vallée f, oasis: oasis f, village: village m""")

OF_ANIMALS = _adjectives("""
    tired: fatigué fatiguée, hungry: affamé affamée, thirsty: assoiffé assoiffée, weak: faible, slow: lent lente,
    young: jeune, sick: malade, lazy: paresseux paresseuse, frightened: effrayé effrayée, nervous: nerveux nerveuse""")

OF_PLACES = _adjectives("""
    wide: large, narrow: étroit étroite, long: long longue, dark: sombre, dangerous: dangereux dangereuse,
    noisy: bruyant bruyante, muddy: boueux boueuse, crowded: bondé bondée""")

THINGS = _nouns("""
    trophy: trophée m, book: livre m, guitar: guitare f, lamp: lampe f, ball: balle f, vase: vase m,
    chair: chaise f, painting: tableau m, coat: manteau m, umbrella: parapluie m, clock: horloge f,
    mirror: miroir m, plate: assiette f, toy: jouet m, sword: épée f""")

CONTAINERS = _nouns("""
    suitcase: valise f, box: boîte f, bag: sac m, drawer: tiroir m, basket: panier m, trunk: coffre m,
    cupboard: placard m, crate: caisse f, wardrobe: armoire f""")

OF_THINGS = _adjectives("""
    big: grand grande, wide: large, long: long longue, thick: épais épaisse, high: haut haute""")

OF_CONTAINERS = _adjectives("""
    small: petit petite, narrow: étroit étroite, short: court courte, full: plein pleine""")

TOWN = _nouns("""
    market: marché m, school: école f, station: gare f, hospital: hôpital m, hotel: hôtel m, office: bureau m,
    university: université f, museum: musée m, library: bibliothèque f, airport: aéroport m, church: église f,
    park: parc m, village: village m, restaurant: restaurant m, castle: château m, pool: piscine f,
    factory: usine f, shop: magasin m""")

BELONGINGS = _nouns("""
    car: voiture f, door: porte f, house: maison f, hat: chapeau m, coat: manteau m, dress: robe f,
    shoe: chaussure f, shirt: chemise f, boat: bateau m, cup: tasse f, bicycle: vélo m, chair: chaise f,
    book: livre m, umbrella: parapluie m, bag: sac m, curtain: rideau m, glove: gant m, plate: assiette f,
    sword: épée f, wardrobe: armoire f""")

COLOURS = _adjectives("""
    red: rouge, green: vert verte, blue: bleu bleue, white: blanc blanche, black: noir noire, yellow: jaune,
    grey: gris grise, purple: violet violette, pink: rose""")  # all stand behind the noun in French

LOOKS = _adjectives("""
    expensive: cher chère, heavy: lourd lourde, beautiful: beau belle, dirty: sale, clean: propre,
    old: vieux vieille, new: neuf neuve, small: petit petite, big: grand grande""")

ME = Subject("I", "je", MASCULINE, False, ("am", "was", "will be"), ("suis", "étais", "serai"), "ai")
YOU = Subject("you", "vous", MASCULINE, False, ARE, ("êtes", "étiez", "serez"), "avez")
WE = Subject("we", "nous", MASCULINE, True, ARE, ("sommes", "étions", "serons"), "avons")
HE, SHE = singular("he", "il", MASCULINE), singular("she", "elle", FEMININE)
THEY = several("they", "ils", MASCULINE)
PERSONS = (ME, YOU, HE, SHE, WE, THEY)
# Those whose gender the pronoun does not tell: "I am a female student".
WOMEN = tuple(person._replace(gender=FEMININE) for person in (ME, YOU, WE, THEY._replace(french="elles")))
TRAVELLERS = (
    *PERSONS,
    singular("the woman", "la femme", FEMININE),
    singular("the man", "l'homme", MASCULINE),
    singular("the girl", "la fille", FEMININE),
    singular("my brother", "mon frère", MASCULINE),
    singular("my sister", "ma sœur", FEMININE),
    several("the women", "les femmes", FEMININE),
    several("the children", "les enfants", MASCULINE),
    several("my sisters", "mes sœurs", FEMININE),
)

CROSSINGS = (
    Verb("cross", "crossed", "avoir", "traversé"),
    Verb("leave", "left", "avoir", "quitté"),
    Verb("reach", "reached", "avoir", "atteint"),
    Verb("avoid", "avoided", "avoir", "évité"),
    Verb("stay near", "stayed near", "être", "resté", "près de"),
    Verb("go through", "went through", "être", "passé", "par"),
)
MOVES = (
    Verb("go to", "went to", "être", "allé", "à"),
    Verb("come back from", "came back from", "être", "revenu", "de"),
    Verb("arrive at", "arrived at", "être", "arrivé", "à"),
    Verb("return to", "returned to", "être", "retourné", "à"),
    Verb("come out of", "came out of", "être", "sorti", "de"),
    Verb("enter", "entered", "être", "entré", "dans"),
    Verb("visit", "visited", "avoir", "visité"),
    Verb("leave", "left", "avoir", "quitté"),
    Verb("find", "found", "avoir", "trouvé"),
    Verb("look for", "looked for", "avoir", "cherché"),
)
