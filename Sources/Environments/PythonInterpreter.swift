import Foundation

/// Finds the Python that runs the worker: `DITTO_PYTHON`; else `.venv/bin/python` in the current folder or in a folder
/// that holds the executable, nearest first; else `python3` on `PATH`.
/// - Returns: a path that can be executed.
func findPython(
  variables: [String: String] = ProcessInfo.processInfo.environment,
  currentFolder: String = FileManager.default.currentDirectoryPath,
  executable: String = Bundle.main.executablePath ?? ""
) throws -> String {
  let canRun = FileManager.default.isExecutableFile(atPath:)
  if let named = variables["DITTO_PYTHON"], !named.isEmpty {
    guard canRun(named) else { throw EnvironmentError.noPython("DITTO_PYTHON is '\(named)', which is no program") }
    return named
  }
  let folders = [currentFolder] + foldersAbove(executable)
  let onPath = (variables["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
  guard let found = (folders.map { "\($0)/.venv/bin/python" } + onPath).first(where: canRun) else {
    throw EnvironmentError.noPython("there is no .venv/bin/python here or above the executable, nor python3 on PATH")
  }
  return found
}

private func foldersAbove(_ path: String) -> [String] {
  let parts = path.split(separator: "/").dropLast()
  return parts.indices.reversed().map { "/" + parts[...$0].joined(separator: "/") }
}
