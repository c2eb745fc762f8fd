// Sends the form of a page that stands between two others. Without scripts its button does.
document.querySelector("form[data-post]").submit();
