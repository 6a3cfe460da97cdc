"""How Sphinx builds the site from the folder that docs/make_site.py collects."""

project = "Ballast"
author = "the authors of Ballast"
root_doc = "README"
source_suffix = [".md"]
extensions = ["myst_parser", "sphinx_copybutton"]

myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["myst.header"]  # a page may begin its sections where it likes

html_theme = "furo"
html_title = "Ballast"
html_favicon = "static/favicon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_use_index = False
smartquotes = False  # --all is no dash
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#005b8f", "color-brand-content": "#0072B2"},
    "dark_css_variables": {"color-brand-primary": "#7cc4f0", "color-brand-content": "#7cc4f0"},
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"
