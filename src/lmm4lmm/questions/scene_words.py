"""Words that prompts about whole pictures are made of. Our own lists; changing one changes the prompts of a seed."""

from __future__ import annotations

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
