"""The colours of the course's figures."""

# Okabe and Ito's colours can be told apart with any kind of colour vision.
COLOURS = BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)
GREY = "#777777"  # for what stays in the background
