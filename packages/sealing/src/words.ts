/** One word for each byte value, fixed for ever: changing one changes every fingerprint. */
export const fingerprintWordList: readonly string[] = (
  'acid acorn actor adobe agent alarm album alley amber anchor angle ankle apple apron arena armor ' +
  'arrow atlas attic autumn bacon badge bagel baker bamboo banjo barn basil basket beach beard beaver ' +
  'bell bench berry bike birch bison blade blanket blossom boat bolt bonus book boot bottle bowl ' +
  'brass bread brick bridge broom brush bucket buffalo bus butter button cabin cactus cake camel camera ' +
  'candle canoe canyon carbon cargo carpet carrot castle cedar cello chain chalk cheese cherry chess chimney ' +
  'cider cinema circle clay cliff clock cloud clover coast cobra cocoa coffee comet copper coral corn ' +
  'cotton cousin cowboy crab crane crater crayon cricket crown crystal curtain daisy dancer deer delta denim ' +
  'desert diamond dinner dolphin donkey door dragon drum duck eagle earth easel echo eclipse elbow ember ' +
  'engine fabric falcon farmer feather fern ferry fiddle finger flame flute forest fossil fox frog galaxy ' +
  'garden garlic gazelle ginger glacier globe glove goat gold gorilla grape gravel guitar hammer harbor harp ' +
  'hazel hedge helmet heron hockey honey horse hotel ice igloo indigo iron island ivory jacket jaguar ' +
  'jelly jewel jungle kettle kitten kiwi ladder lagoon lake lantern laser lava leaf lemon lilac linen ' +
  'lion lizard llama lobster lotus magnet mango maple marble meadow melon meteor mirror monkey moon motor ' +
  'mountain mud muffin museum nectar needle nest nickel ninja oak oasis ocean olive onion opera orange ' +
  'orbit orchid otter owl oxygen paddle panda paper parrot pasta peach pearl pebble pencil penguin pepper ' +
  'piano pickle pillow pilot pine planet plum pocket poem pony puzzle quartz rabbit radar raven ribbon'
).split(' ');
