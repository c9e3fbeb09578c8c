"""Settings of Sphinx, which builds the site; `python -m figures.documentation` starts it."""

project = "Theory of prompt-attention"
author = "the authors of prompt-attention-theory"
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "figures.documentation.docstrings",
    "figures.documentation.signatures",
    "sphinx.ext.napoleon",
    "figures.documentation.static_math",
    "figures.documentation.generated_text",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

# What autodoc writes; a long signature has one parameter a line.
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 72
python_trailing_comma_in_multi_line_signatures = False
smartquotes_action = "D"
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]
add_module_names = False
toc_object_entries_show_parents = "hide"

# No link may lead nowhere; the pages of other projects are not asked.
nitpicky = True

html_theme = "furo"
html_title = project
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#00507f", "color-brand-content": "#00507f"},
    "dark_css_variables": {"color-brand-primary": "#7cc4ec", "color-brand-content": "#7cc4ec"},
}
