"""Words that prompts about things are made of: with what fits them. Our own lists.

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
