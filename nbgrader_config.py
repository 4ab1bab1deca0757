"""nbgrader's settings. The folder that holds this file is the course root, for nbgrader and for `course`."""

# nbgrader puts get_config into this file's namespace before it runs it.
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "attention"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# `nbgrader generate_solution` would write to solution/, one letter away from the sources.
c.CourseDirectory.solution_directory = "build/worked-solutions"

# `nbgrader autograde` and formgrader's button judge with the engine of `course grade`: answers run in the sandbox.
c.Autograde.exporter_class = "course.grading.nbgrader_engine.CourseExporter"
c.Autograde.sanitize_preprocessors = ["course.grading.nbgrader_engine.Rebuild"]
c.Autograde.autograde_preprocessors = [
    "course.grading.nbgrader_engine.Judge",
    "nbgrader.preprocessors.AssignLatePenalties",
]
# What lateness costs stands in course.toml. nbgrader works it out once, when it grades; feedback and export do so anew,
# for points that a person gave since then lose their share, too.
c.AssignLatePenalties.plugin_class = "course.grading.nbgrader_plugins.LatePenalty"
c.GenerateFeedback.preprocessors = [
    "course.grading.nbgrader_plugins.RenewPenalties",
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
c.ExportApp.plugin_class = "course.grading.nbgrader_plugins.Export"
# `nbgrader collect` and formgrader's button keep each attempt of a student, not the last alone.
c.ExchangeFactory.collect = "course.grading.nbgrader_plugins.CollectAttempts"
c.ExchangeFactory.release_feedback = "course.grading.exchange.ReleaseFeedback"

# For whoever takes these lines out: nbgrader then runs answers and tests in one kernel, without a sandbox.
# Seconds. A cell that trains needs more than nbgrader's 30, and output may lag on a busy machine.
c.Execute.timeout = 120
c.Execute.startup_timeout = 120
c.Execute.iopub_timeout = 30
c.Execute.shutdown_kernel = "immediate"  # half a second less for each notebook
