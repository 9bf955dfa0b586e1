"""Words that prompts are made of: things with what fits them, people, places, and so on. Our own lists.

Lists are tuples in a fixed order: changing one changes the prompts of a seed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """Something that can be photographed.

    Attributes:
        one: singular.
        many: plural.
        where: a place where it may stand, for a sentence's end; "" for things that stand anywhere.
    """

    one: str
    many: str
    where: str = ""

    @property
    def a(self) -> str:
        """With its article."""
        return with_article(self.one)


def with_article(phrase: str) -> str:
    """The phrase after "a" or "an", by its first letter; words such as "unicorn" and "hour" by their sound."""
    first = phrase.split()[0].lower()
    vowel = first[0] in "aeiou" and not first.startswith(("uni", "eu", "one", "use"))
    return f"{'an' if vowel else 'a'} {phrase}"


def _things(text: str) -> tuple[Thing, ...]:
    found = []
    for line in text.strip().splitlines():
        one, many, where = (part.strip() for part in line.split("|"))
        found.append(Thing(one, many, where))
    return tuple(found)


ANIMALS = _things("""
    cat | cats | on a garden wall
    dog | dogs | on a sandy beach
    horse | horses | in a paddock
    sheep | sheep | on a green hill
    cow | cows | in a meadow
    goat | goats | on a rocky slope
    rabbit | rabbits | in tall grass
    fox | foxes | at the edge of a forest
    hedgehog | hedgehogs | among fallen leaves
    squirrel | squirrels | on a mossy log
    duck | ducks | on a pond
    goose | geese | beside a lake
    owl | owls | on a bare branch
    parrot | parrots | on a wooden perch
    penguin | penguins | on an ice floe
    elephant | elephants | on a dusty plain
    giraffe | giraffes | beside an acacia tree
    zebra | zebras | on the savanna
    frog | frogs | on a lily pad
    turtle | turtles | on wet sand
    donkey | donkeys | on a village lane
    camel | camels | in the desert
    rooster | roosters | on a fence
    kangaroo | kangaroos | in dry grass
""")
OBJECTS = _things("""
    teapot | teapots | on a kitchen counter
    bicycle | bicycles | against a brick wall
    suitcase | suitcases | on a station platform
    umbrella | umbrellas | on a wet pavement
    violin | violins | on a velvet cushion
    lantern | lanterns | on a windowsill
    candle | candles | on a dinner table
    clock | clocks | on a mantelpiece
    typewriter | typewriters | on an old desk
    telescope | telescopes | on a balcony
    wheelbarrow | wheelbarrows | in a vegetable garden
    rowing boat | rowing boats | on a quiet lake
    tractor | tractors | in a ploughed field
    scooter | scooters | in a narrow alley
    skateboard | skateboards | on a concrete ramp
    football | footballs | on short grass
    backpack | backpacks | on a forest path
    armchair | armchairs | beside a fireplace
    bookshelf | bookshelves | in a study
    kettle | kettles | on a gas stove
    guitar | guitars | on a small stage
    camera | cameras | on a tripod
    hammer | hammers | on a workbench
    basket | baskets | on a market stall
    kite | kites | above a windy beach
    balloon | balloons | in a courtyard
    mailbox | mailboxes | beside a country road
    ladder | ladders | under an apple tree
    helmet | helmets | on a locker bench
    watering can | watering cans | on a patio
""")
FOODS = _things("""
    apple | apples | on a wooden board
    pear | pears | in a ceramic bowl
    lemon | lemons | on a linen cloth
    orange | oranges | in a paper bag
    pineapple | pineapples | on a picnic blanket
    watermelon | watermelons | at a fruit stand
    carrot | carrots | on a chopping board
    pumpkin | pumpkins | on a doorstep
    mushroom | mushrooms | in a wicker basket
    croissant | croissants | on a café table
    pretzel | pretzels | on a baking tray
    cupcake | cupcakes | on a glass stand
    sandwich | sandwiches | in a lunch box
    pizza | pizzas | on a stone counter
    egg | eggs | in a straw nest
    tomato | tomatoes | on the vine
""")
SMALL = _things("""
    key | keys |
    coin | coins |
    button | buttons |
    pencil | pencils |
    spoon | spoons |
    teacup | teacups |
    apple | apples |
    lemon | lemons |
    egg | eggs |
    candle | candles |
    marble | marbles |
    seashell | seashells |
    strawberry | strawberries |
    walnut | walnuts |
    rubber duck | rubber ducks |
    toy car | toy cars |
    matchbox | matchboxes |
    tennis ball | tennis balls |
    flowerpot | flowerpots |
    paper plane | paper planes |
""")
TABLES = (
    "on a wooden table",
    "on a white tablecloth",
    "on a grey carpet",
    "on a marble worktop",
    "on a windowsill",
    "on a park bench",
    "on a tiled floor",
    "on a tray",
)
COLOURS = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "grey",
    "turquoise",
)
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}

FORMS = {
    "round": ("clock", "table", "mirror", "window", "cushion", "rug", "tin", "cake", "basket", "lampshade"),
    "square": ("clock", "table", "mirror", "window", "cushion", "rug", "tin", "cake", "basket", "plate"),
    "triangular": ("sandwich", "flag", "window", "road sign", "shelf", "tent", "cushion", "biscuit"),
    "heart-shaped": (
        "biscuit",
        "balloon",
        "cushion",
        "mirror",
        "cake",
        "locket",
        "box of chocolates",
        "leaf",
    ),
    "star-shaped": ("biscuit", "balloon", "lantern", "cushion", "ornament", "lamp", "kite", "badge"),
    "oval": ("mirror", "table", "rug", "picture frame", "tray", "brooch", "bathtub", "plate"),
    "hexagonal": ("mirror", "floor tile", "table", "picture frame", "flowerpot", "shelf", "box", "gazebo"),
    "cylindrical": ("vase", "lampshade", "tin", "tower", "candle", "stool", "pencil holder", "jar"),
    "cone-shaped": ("party hat", "lampshade", "tent", "seashell", "roof", "paper cup", "tree", "candle"),
}
"""Form -> things that can have it."""

MATERIALS = {
    "wooden": ("spoon", "chair", "bowl", "bridge", "boat", "toy train", "ladder", "mask", "comb", "clock"),
    "glass": (
        "bottle",
        "vase",
        "table",
        "marble",
        "bowl",
        "lamp",
        "teapot",
        "door",
        "slipper",
        "paperweight",
    ),
    "metal": ("bucket", "chair", "key", "gate", "kettle", "box", "spoon", "lantern", "toy robot", "bench"),
    "leather": ("armchair", "shoe", "handbag", "belt", "notebook", "glove", "saddle", "suitcase", "jacket"),
    "knitted": ("scarf", "sweater", "hat", "blanket", "toy rabbit", "sock", "cushion", "glove", "bag"),
    "stone": ("bridge", "bench", "statue", "fountain", "wall", "arch", "cottage", "lion", "bowl"),
    "ceramic": ("mug", "vase", "plate", "teapot", "tile", "figurine", "flowerpot", "jug", "bowl"),
    "paper": ("lantern", "plane", "crane", "boat", "hat", "flower", "bag", "fan", "star"),
    "velvet": ("curtain", "sofa", "cushion", "dress", "bow tie", "jacket", "ribbon", "armchair"),
    "rusty": ("bicycle", "gate", "anchor", "bucket", "padlock", "tractor", "nail", "mailbox", "chain"),
    "furry": ("hat", "slipper", "coat", "blanket", "cushion", "toy bear", "rug", "boot"),
    "woven": ("basket", "mat", "hat", "hammock", "bag", "tray", "chair seat", "placemat"),
}
"""Material or surface -> things that can have it."""

PLACES = (
    ("library", "tall shelves and green reading lamps"),
    ("bakery", "fresh loaves on the counter"),
    ("train station", "people waiting under a big clock"),
    ("greenhouse", "ferns hanging from the ceiling"),
    ("harbour", "fishing boats tied to the quay"),
    ("supermarket", "rows of full shelves"),
    ("classroom", "a blackboard and empty chairs"),
    ("hospital corridor", "a trolley against the wall"),
    ("laundromat", "a row of washing machines"),
    ("airport terminal", "suitcases on a conveyor belt"),
    ("swimming pool", "lane ropes and wet tiles"),
    ("museum", "marble statues and a polished floor"),
    ("barn", "bales of hay up to the roof"),
    ("subway station", "a train just leaving"),
    ("vineyard", "rows of vines down a slope"),
    ("kitchen", "copper pans on the wall"),
    ("playground", "a slide and two swings"),
    ("desert", "long dunes and a blue sky"),
    ("rainforest", "mist between the trees"),
    ("fish market", "crates of ice and silver fish"),
    ("theatre", "red seats and a closed curtain"),
    ("construction site", "a yellow crane in the middle"),
    ("lighthouse", "waves breaking below it"),
    ("workshop", "tools hanging above a bench"),
    ("cave", "light falling in from above"),
    ("car park", "painted arrows on the ground"),
    ("bus stop", "a puddle in front of it"),
    ("castle", "ivy on its towers"),
    ("beach", "deck chairs facing the sea"),
    ("gym", "weights stacked by the mirror"),
)
"""(place, what is to be seen there)."""

STYLES = (
    ("watercolour painting", "watercolour painting"),
    ("oil painting", "oil painting"),
    ("pencil sketch", "pencil sketch"),
    ("charcoal drawing", "charcoal drawing"),
    ("Japanese woodblock print", "Japanese woodblock print"),
    ("pixel art picture", "pixel art"),
    ("comic book panel", "comic book panel"),
    ("black-and-white photograph", "black-and-white photograph"),
    ("stained glass window", "stained glass window"),
    ("mosaic", "mosaic"),
    ("paper collage", "paper collage"),
    ("children's crayon drawing", "children's crayon drawing"),
    ("low-poly 3D rendering", "low-poly 3D rendering"),
    ("Impressionist painting", "Impressionist painting"),
    ("Cubist painting", "Cubist painting"),
    ("claymation still", "claymation"),
    ("blueprint", "blueprint"),
    ("cross-stitch embroidery", "cross-stitch embroidery"),
    ("neon sign", "neon sign"),
    ("pop art print", "pop art"),
)
"""(as a prompt says it, as a question says it)."""

SIGNS = (
    "a shop sign that says",
    "a wooden signpost that reads",
    "a birthday cake with the {words}",
    "a T-shirt printed with",
    "a chalkboard that says",
    "a neon sign with the {words}",
    "a coffee mug with the text",
    "a street wall painted with",
    "a book cover with the title",
    "a paper note that says",
    "a doormat with the {words}",
    "a poster with the headline",
    "a banner across the street that says",
    "a postcard with the greeting",
    "a ticket printed with",
    "a park bench with a plate that reads",
)
WRITTEN = (
    "OPEN", "FRESH BREAD", "MIND THE STEP", "QUIET PLEASE", "LOST AND FOUND", "SUMMER SALE", "WELCOME HOME",
    "GOOD LUCK", "THANK YOU", "HAPPY NEW YEAR", "NO PARKING", "PLATFORM 9", "KEEP LEFT", "SOUP OF THE DAY",
    "BACK IN FIVE MINUTES", "BEST DAD EVER", "TEA TIME", "WET PAINT", "PUSH", "FOREST WALK", "ROOM 42", "MOONLIGHT",
    "HARBOUR VIEW", "JUST MARRIED", "LAST TRAIN", "HOT CHOCOLATE", "SECRET GARDEN", "ONE WAY", "DREAM BIG",
    "BOOK CLUB", "GET WELL SOON", "FLEA MARKET", "SLOW DOWN", "NIGHT SHIFT", "LEMONADE", "BE KIND", "HELLO",
    "EXIT", "HONEY", "ADMIT ONE",
)  # fmt: skip
"""What stands on them."""

ACTIONS = (
    ("riding", "bicycle", "down a hill"),
    ("riding", "horse", "along a beach"),
    ("pushing", "wheelbarrow", "through a garden"),
    ("pushing", "pram", "through a park"),
    ("pulling", "sledge", "through the snow"),
    ("carrying", "ladder", "across a courtyard"),
    ("carrying", "stack of books", "up a staircase"),
    ("carrying", "suitcase", "along a platform"),
    ("holding", "umbrella", "in heavy rain"),
    ("holding", "lantern", "in a dark tunnel"),
    ("throwing", "frisbee", "in a park"),
    ("throwing", "snowball", "in front of a cabin"),
    ("kicking", "football", "on a dusty field"),
    ("washing", "car", "in a driveway"),
    ("washing", "dog", "in a bathtub"),
    ("repairing", "bicycle", "in a workshop"),
    ("repairing", "clock", "at a cluttered desk"),
    ("painting", "fence", "on a sunny day"),
    ("painting", "portrait", "in a bright studio"),
    ("playing", "violin", "on a street corner"),
    ("playing", "piano", "in an empty hall"),
    ("feeding", "goat", "on a farm"),
    ("feeding", "parrot", "on a balcony"),
    ("cutting", "cake", "at a long table"),
    ("peeling", "orange", "on a park bench"),
    ("pouring", "cup of tea", "in a small kitchen"),
    ("reading", "newspaper", "on a train"),
    ("opening", "parcel", "on the doorstep"),
    ("climbing", "rope", "in a gym"),
    ("rowing", "boat", "across a lake"),
    ("flying", "kite", "on a windy hill"),
    ("hugging", "tree", "in a quiet forest"),
    ("watering", "cactus", "on a windowsill"),
    ("ironing", "shirt", "beside a window"),
)
"""(doing, what with, where)."""

SOMEBODY = (
    "man",
    "woman",
    "boy",
    "girl",
    "teenager",
    "farmer",
    "tourist",
    "student",
    "grandmother",
    "grandfather",
)

JOBS = (
    ("baker", "a white apron", "kneading dough"),
    ("firefighter", "a yellow helmet", "rolling up a hose"),
    ("gardener", "green rubber boots", "pruning roses"),
    ("nurse", "blue scrubs", "writing on a clipboard"),
    ("judge", "a black robe", "leafing through papers"),
    ("diver", "a black wetsuit", "sitting on the edge of a boat"),
    ("carpenter", "a leather tool belt", "planing a board"),
    ("waiter", "a red waistcoat", "carrying a tray of glasses"),
    ("astronaut", "a white spacesuit", "looking out of a round window"),
    ("ballet dancer", "a pink tutu", "stretching at the barre"),
    ("beekeeper", "a veiled hat", "lifting a honeycomb"),
    ("postman", "a dark blue uniform", "sorting letters"),
    ("surgeon", "a green mask", "washing both hands"),
    ("cyclist", "an orange jersey", "drinking from a bottle"),
    ("magician", "a tall black hat", "shuffling cards"),
    ("miner", "a dusty overall", "switching on a headlamp"),
    ("pilot", "a peaked cap", "checking the instruments"),
    ("painter", "a stained smock", "mixing colours"),
    ("chess player", "a tweed jacket", "thinking over a board"),
    ("street musician", "a striped scarf", "tuning a guitar"),
)
"""(who, wearing what, doing what)."""

HAIR = (
    "long red hair",
    "short black hair",
    "curly brown hair",
    "straight blond hair",
    "grey hair in a bun",
    "a white beard",
    "two dark braids",
    "a shaved head",
    "wavy auburn hair",
    "a high ponytail",
)

EMOTIONS = (
    ("happy", "laughing over a letter"),
    ("happy", "opening a present"),
    ("happy", "hugging a puppy"),
    ("happy", "dancing in the rain"),
    ("sad", "sitting alone on a swing"),
    ("sad", "staring at an empty chair"),
    ("sad", "waving goodbye at a station"),
    ("sad", "holding a broken toy"),
    ("angry", "slamming a door"),
    ("angry", "arguing on the phone"),
    ("angry", "crumpling up a letter"),
    ("angry", "looking at a scratched car"),
    ("surprised", "finding a frog in a shoe"),
    ("surprised", "opening a box full of balloons"),
    ("surprised", "seeing snow in the garden"),
    ("surprised", "reading the score on a screen"),
    ("frightened", "walking down a dark corridor"),
    ("frightened", "looking up at a huge spider"),
    ("frightened", "clinging to a rope bridge"),
    ("frightened", "hiding behind a curtain"),
    ("bored", "waiting at an empty counter"),
    ("bored", "sitting in a long meeting"),
    ("bored", "watching the rain through a window"),
    ("proud", "holding up a gold medal"),
    ("proud", "standing beside a finished sandcastle"),
    ("proud", "showing a drawing to the class"),
    ("worried", "looking at a watch"),
    ("worried", "sitting outside an office"),
    ("worried", "checking an empty wallet"),
    ("disgusted", "smelling a carton of milk"),
    ("disgusted", "looking into an old lunch box"),
    ("disgusted", "stepping over a rubbish bag"),
)
"""(feeling, doing what)."""

FACES = {
    "expression": (
        "smiling",
        "frowning",
        "laughing",
        "crying",
        "surprised",
        "sleeping",
        "winking",
        "serious",
    ),
    "hair": (
        "curly red hair",
        "short grey hair",
        "long black hair",
        "a blond fringe",
        "a bald head",
        "a brown bob",
    ),
    "eyes": (
        "green eyes",
        "bright blue eyes",
        "dark brown eyes",
        "round glasses",
        "thick eyebrows",
        "long eyelashes",
    ),
    "detail": (
        "freckles",
        "a dimple in the chin",
        "rosy cheeks",
        "a full beard",
        "deep wrinkles",
        "a scar on the left cheek",
        "a nose ring",
        "red lipstick",
        "a thin moustache",
        "silver earrings",
    ),
    "who": ("an old man", "an old woman", "a young man", "a young woman", "a man", "a woman"),
}

VIEWED = {
    "a bird's-eye view": (
        "a roundabout in the rain", "a crowded beach", "a farm with four fields", "a chessboard", "a marketplace",
        "a river delta", "a car park half full", "a breakfast table", "a village with a church", "a maze of hedges",
    ),
    "a close-up": (
        "a bee on a sunflower", "an old hand holding a pen", "a keyhole", "a melting ice cube", "a cat's eye",
        "a wet spider web", "a bitten apple", "a guitar string", "a watch with no hands", "a ladybird on a leaf",
    ),
    "a low-angle view": (
        "a tall lighthouse", "an oak in winter", "a basketball player under the hoop", "a giraffe",
        "a spiral staircase", "a statue of a rider", "a crane above a roof", "a church tower", "a street lamp",
        "a tower of books",
    ),
    "a side view": (
        "a steam train on a bridge", "a woman on a swing", "a sailing ship", "a snail on a stone", "a vintage car",
        "a camel with two riders", "a runner on a track", "a hot-air balloon", "a bus in the snow",
        "a swan on dark water",
    ),
    "a view from behind": (
        "a child at the window of an aquarium", "a couple on a pier", "a conductor in front of an orchestra",
        "a dog looking out of a car", "a hiker on a summit", "three friends on a wall", "a fisherman on a jetty",
        "a horse and cart", "a woman in front of a painting", "a goalkeeper before a penalty",
    ),
    "a first-person view": (
        "hands on the wheel of a bus", "skis on a steep slope", "a hand reaching for a door handle",
        "feet hanging over a dock", "hands holding a map in a forest", "handlebars on a mountain track",
        "hands shaping a clay pot", "a book open on a train", "a paddle in white water", "hands lacing a boot",
    ),
    "a fisheye view": (
        "a skate park", "a small bathroom", "a crossroads at noon", "a spiral library", "a football stadium",
        "a forest clearing", "a lift full of people", "a concert crowd", "a glass dome", "a kitchen with a dog",
    ),
    "a wide-angle view": (
        "a mountain lake", "a wheat field under clouds", "an empty motorway", "a frozen harbour", "a desert camp",
        "a city across a bay", "a long dining hall", "a canyon with a small tent", "a row of windmills",
        "a snowy square with one person",
    ),
}  # fmt: skip
"""View -> what is seen so."""

LANDMARKS = (
    "the Eiffel Tower", "the Great Wall of China", "the Statue of Liberty", "Mount Fuji", "the Colosseum",
    "Big Ben", "the Sydney Opera House", "Machu Picchu", "the Leaning Tower of Pisa", "the Golden Gate Bridge",
    "the Great Pyramid of Giza", "the Taj Mahal", "Stonehenge", "the Brandenburg Gate", "Saint Basil's Cathedral",
    "the Sagrada Família", "Christ the Redeemer", "Angkor Wat", "the Parthenon", "Neuschwanstein Castle",
    "the Matterhorn", "Niagara Falls", "Uluru", "Tower Bridge", "the Arc de Triomphe", "the Forbidden City",
    "Mount Rushmore", "the Atomium", "Hagia Sophia", "the Space Needle",
)  # fmt: skip
AROUND = (
    "with cherry trees in bloom in front of it",
    "under a heavy thunderstorm",
    "with a single red kite above it",
    "after a night of snow",
    "with a couple taking a photograph of it",
    "at sunrise, without a single visitor",
    "behind a field of sunflowers",
    "reflected in a puddle",
)

WONDERS = (
    ("an octopus", "playing the drums in a jazz club"),
    ("a snail", "pulling a tiny caravan over a mountain pass"),
    ("a whale", "swimming through the clouds above a city"),
    ("a hedgehog", "knitting a scarf out of rainbows"),
    ("a polar bear", "selling ice cream on the moon"),
    ("a teapot", "growing legs and walking out of a kitchen"),
    ("a dragon", "reading a bedtime story to kittens"),
    ("a lighthouse", "wading through the sea like a giraffe"),
    ("a flock of umbrellas", "flying south for the winter"),
    ("a fox", "conducting an orchestra of mice"),
    ("a robot", "watering flowers made of glass"),
    ("a castle", "balanced on the back of a turtle"),
    ("an elephant", "dancing on a tightrope between two stars"),
    ("a penguin", "delivering letters by hot-air balloon"),
    ("a tree", "bearing light bulbs instead of fruit"),
    ("a goldfish", "walking its own bowl on a lead"),
    ("an astronaut", "planting tulips on an asteroid"),
    ("a library", "built inside a hollow mountain of cheese"),
    ("a mermaid", "riding a bicycle along the seabed"),
    ("a family of pumpkins", "having breakfast at a long table"),
    ("a giant", "using the church tower as a toothpick"),
    ("a train", "made of bread crossing a river of jam"),
    ("a frog", "wearing a crown and judging a cake contest"),
    ("a staircase", "leading up to a door in the sky"),
    ("a ghost", "ironing its sheet in a laundromat"),
    ("a cat", "steering a submarine through a bathtub"),
)
WONDER_STAGES = (
    "",
    " at midnight",
    " while it snows confetti",
    " under two moons",
    " in front of a cheering crowd",
)

TIMES = (
    ("at dawn", "dawn"),
    ("at noon", "noon"),
    ("at sunset", "sunset"),
    ("at night", "night"),
    ("in the blue hour after sunset", "the blue hour after sunset"),
    ("in the early morning", "the early morning"),
    ("in the late afternoon", "the late afternoon"),
    ("at midnight", "midnight"),
)
LIGHTS = {
    "dawn": ("pale light", "misty light", "soft pink light"),
    "noon": ("harsh light", "bright light", "glaring light"),
    "sunset": ("golden light", "warm orange light", "fading light"),
    "night": ("cold moonlight", "dim lamplight", "flickering firelight"),
    "the blue hour after sunset": ("deep blue light", "dim lamplight"),
    "the early morning": ("pale light", "soft light", "misty light"),
    "the late afternoon": ("warm light", "slanting light", "golden light"),
    "midnight": ("cold moonlight", "flickering candlelight", "faint starlight"),
}
LIT = (
    "a village street",
    "an orchard",
    "a harbour wall",
    "a garden with a pond",
    "a row of beach huts",
    "a railway bridge",
    "a mountain hut",
    "a market square",
    "a field of poppies",
    "a greenhouse",
    "an old windmill",
    "a tennis court",
)

ABSENT = (
    ("a desk", "computer", "computers"),
    ("a kitchen table", "plate", "plates"),
    ("a garden", "flower", "flowers"),
    ("a city street", "car", "cars"),
    ("a beach", "person", "people"),
    ("a birthday cake", "candle", "candles"),
    ("a bedroom", "window", "windows"),
    ("a clear sky", "cloud", "clouds"),
    ("a lake", "boat", "boats"),
    ("a bookcase", "book", "books"),
    ("a winter field", "tree", "trees"),
    ("a living room", "sofa", "sofas"),
    ("a fruit bowl", "banana", "bananas"),
    ("a playground", "child", "children"),
    ("a bridge", "railing", "railings"),
    ("a church tower", "clock", "clocks"),
    ("a wall", "picture", "pictures"),
    ("a bicycle stand", "bicycle", "bicycles"),
    ("a Christmas tree", "star", "stars"),
    ("a wardrobe", "coat", "coats"),
    ("a farmyard", "animal", "animals"),
    ("a bus", "passenger", "passengers"),
    ("a vase", "flower", "flowers"),
    ("a football pitch", "goal", "goals"),
)
"""(where, what is not there, plural)."""
