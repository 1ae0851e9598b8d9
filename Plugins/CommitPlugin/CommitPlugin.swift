import Foundation
import PackagePlugin

/// Writes the commit that is being built into a source file, with a `+` where sources have changed since.
@main
struct CommitPlugin: BuildToolPlugin {
  private static let script = """
    commit=unknown
    if found=$(git -C "$1" rev-parse --short=12 HEAD 2>/dev/null); then
      commit=$found
      git -C "$1" diff --quiet HEAD -- Sources Package.swift || commit=$commit+
    fi
    printf 'let builtCommit = "%s"\\n' "$commit" > "$2"
    """

  func createBuildCommands(context: PluginContext, target: Target) -> [Command] {
    let root = context.package.directoryURL
    let output = context.pluginWorkDirectoryURL.appending(path: "Commit.swift")
    // The commands that change the commit change these; edits change the sources.
    let git = [".git/logs/HEAD", ".git/index"].map { root.appending(path: $0) }.filter {
      FileManager.default.fileExists(atPath: $0.path)
    }
    let sources = context.package.targets.compactMap { $0.sourceModule }.filter { $0.kind != .test }.flatMap {
      $0.sourceFiles.map(\.url)
    }
    return [
      .buildCommand(
        displayName: "Asking git for the commit", executable: URL(filePath: "/bin/sh"),
        arguments: ["-c", Self.script, "sh", root.path, output.path], inputFiles: git + sources, outputFiles: [output])
    ]
  }
}
