"""Students have nbgrader's Assignment List and Validate; the teacher's pages would show them an empty course."""

c = get_config()  # noqa: F821

c.ServerApp.jpserver_extensions = {
    "nbgrader.server_extensions.formgrader": False,
    "nbgrader.server_extensions.course_list": False,
}
