"""Adjectives that can follow "the room was", picked by hand from VADER's lexicon (see `course.data.sentiment`).

The list says only that they are adjectives. Which of them are kind and which are not is read from the lexicon.
"""

ADJECTIVES = tuple(
    """
    abandoned acceptable accepted accepting accomplished acrimonious active admirable admired admiring adorable
    adored adoring advantageous adventurous adverse affectionate aggravating aghast agreeable alarmed amazed amazing
    ambitious amused amusing angered angry annoyed annoying antagonistic anxious apathetic apocalyptic appalled
    appalling appreciated appreciative ardent argumentative arrogant ashamed assured astounding attractive avid
    awesome bad beautified beautiful beloved beneficent beneficial benevolent benign betrayed biased bitter bizarre
    blessed blissful blithe bold bored boring bothered bothering bothersome brave breathtaking bright brightening
    brilliant broken brutal burdensome calm calming capable captivated carefree careless caring catastrophic
    celebrated chagrined chaotic charitable charmed charming charmless cheerful cheerless cheery cherished childish
    classy clean clever clueless comedic comfortable comforted comforting committed compassionate competent
    complimentary confident confrontational confused considerate contagious contemptible contemptuous contented
    contentious contradicting contradictory convincing convivial cool courageous courteous cowardly creative
    creditable crude cruel crushed crushing curious cute cynical damaged damaging dangerous daring dauntless
    deafening decayed deceitful deceiving dedicated defeated defective defenseless degraded degrading dehumanizing
    dejected delectable delicious delighted delightful demoralized depressed depressing deprived desirable desperate
    despondent destroyed destructive determined devastated devastating devilish devoted dignified dire dirty
    disadvantaged disagreeable disagreeing disappointed disappointing disastrous discarded disconsolate discontented
    discouraged discouraging discredited disgraced disgusted disgusting disheartened disheartening dishonest
    disillusioned disillusioning disinclined disjointed disliked dismal dismayed dismaying disorganized disoriented
    displeased disruptive dissatisfied distorted distracted distracting distraught distressed distressful
    distressing distrusted distrustful disturbed disturbing divine doomed doubtful downcast downhearted drained
    dreaded dreadful dreary dubious dull dumb dumbfounded dumpy dynamic eager earnest eased easy easygoing ecstatic
    eerie effective efficient egotistic elated elegant embarrassed embarrassing empathetic enchanted encouraged
    encouraging energetic energized energizing engaging enjoyable enlightened enlightening enraged enraging
    enterprising entertaining enthused enthusiastic envious erroneous esteemed ethical euphoric exasperated
    excellent excited exciting excruciating exhausted exhausting exhilarating exuberant exultant fabulous failed
    failing fair faithful faithless fake fantastic fantastical fascinated fascinating fatal fatalistic fatiguing
    faultless faulty favorable favorite fearful fearless fearsome feeble fervent festive fidgety flattering flawed
    flawless flustered focused foolhardy foolish foolproof forgetful fortunate frantic fraudulent fresh friendless
    friendly frightened frightening frightful frisky frustrated frustrating fulfilled fun funny furious futile
    gallant generous genial gentle glad glamorous gleeful glorious glum good gorgeous gossipy graceful gracious
    grand grateful gratified gratifying great greedy grieving grievous grim grimy gross grouchy guilty handsome
    hapless happy hardy harmonic harmonious harsh hateful haunted haunting healthy heartbreaking heartfelt heartless
    heartwarming heavenly heavyhearted hellish helpful helpless heroic hesitant hilarious honest honorable honored
    hopeful hopeless horrendous horrible horrid horrific horrified horrifying hostile huggable humiliated
    humiliating humorless humorous hurtful hurting hypocritical ideal idealistic ignorant ignored illegal immoral
    impatient imperfect impersonal impolite impressed impressionistic impressive improved inadequate incapable
    incompetent inconsiderate inconvenient indecisive indignant ineffectual inferior infuriated infuriating injured
    innovative insecure insignificant insincere insipid inspirational inspired inspiring insulted insulting
    intellectual intelligent intelligible interested interesting interrupting intimidating invigorating invincible
    inviting invulnerable irate irrational irresistible irresolute irresponsible irritable irritating isolated jaded
    jaunty jealous jocular jolly jovial joyful joyless joyous jubilant jumpy keen kind lackadaisical lagging lame
    lamentable lazy lethargic lighthearted likeable liked lively livid lonely lonesome lousy lovable loved lovely
    loving loyal luckless lucky ludicrous lugubrious lying maddening magnificent manipulating marvelous meaningful
    meaningless meditative meritorious merry messy mindless mirthful miserable miserly mistaken misunderstood
    mocking moody motivated motivating mournful nagging nasty neat negative neglected neglectful nervous nice nifty
    noble notorious numb numbing nurturing obnoxious obsolete obstinate odd offended offending offensive ominous
    opportune oppressive optimal optimistic optimized original outgoing outraged outrageous outstanding overjoyed
    painful painless palatable panicky passionate passionless pathetic peaceful perfect perfected perplexed
    perturbed perverse pesky pessimistic petrifying picturesque piteous pitiable pitiful pitiless playful pleasant
    pleased pleasing pleasurable poised poisonous poor positive powerful powerless praiseworthy precious pretty
    prized prizewinning proactive problematic profitable profitless promising prosperous proud pukka punitive pushy
    questionable radiant rancid rapturous rash ready reassured reassuring reckless regretful regrettable regretted
    rejected relaxed relaxing relieved reluctant remarkable remorseless repetitive repressive resented resentful
    resolute respectable respected respectful responsible responsive restful restless restricted revengeful revered
    rewarding rich ridiculed ridiculous robust romantic rotten rude ruined ruinous sad saddened saddening safe sappy
    sarcastic satisfactory satisfied satisfying scandalous scared scaring scary scornful scrumptious secure selfish
    sentimental serene severe shameful shameless shocked shocking sickening sincere sinful sinister sluggish smart
    smiling smothering snobby sociable somber soothing sophisticated sore sorrowful sparkling special spirited
    spiritless spiteful splendid splendiferous sprightly steadfast stimulating stingy stinking straining
    strengthening stressed stressful strong stubborn stuck stunning stupid suave successful sulking sullen sunny
    superb superior supportive supreme surefooted surprising suspicious sweet swindling sympathetic talented
    talentless tenderhearted terrible terrific terrifying thankful thorny thoughtful thoughtless threatening
    thrilled thrilling timid tired tolerant toothless tragic traumatic traumatizing treasured triumphant troubled
    troublesome troubling trusted trustful trusting trustworthy trusty ugly unacceptable unappreciated unattractive
    uncertain unclear uncomfortable uncontrollable unconvinced undermined undeserving undesirable uneasy unethical
    unfair unfocused unfortunate unfriendly unfulfilled ungrateful unhappy unhealthy unimportant unimpressed
    unimpressive unintelligent uninvolved uninvolving unjust unkind unlovable unlovely unmotivated unpleasant
    unprofessional unprotected unsatisfied unsavory unsettled unsophisticated unstable unsuccessful unsupported
    unsure untarnished unwelcome unworthy upsetting uptight useful useless vain valuable valued vibrant vicious vile
    virtuosic virtuous vitriolic vivacious warmhearted wasted weak weakened weakening weary welcomed welcoming
    whiney wicked winning wise woebegone woeful wonderful worn worried worrisome worrying worsening worthless
    worthwhile worthy wrathful wrong youthful yummy
    """.split()
)
