import ArgumentParser
import Demonstrations
import Environments
import Foundation
import Imitation
import Runs
import Settings
import Torch
import Training

@main
struct DittoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ditto",
    abstract: "Learns to act from recordings alone, by reinforcement learning inside a world model.",
    discussion: """
      Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 64 bad arguments or configuration, \
      65 bad data, 128 + a signal's number (130, 143) stopped by it. 'ditto --generate-completion-script bash' (or zsh, fish) prints completions.
      """,
    version: "ditto \(Build.release), \(Build.version)",
    subcommands: [
      DemoCommand.self, RecordCommand.self, DataCommand.self, TrainCommand.self, EvaluateCommand.self,
      DreamCommand.self, ActCommand.self,
      ExportCommand.self, BenchCommand.self, PlotCommand.self, ReportCommand.self, StudyCommand.self,
    ])

  static func main() {
    // Writing to a pipe that nobody reads any more is an error of that write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    // So is writing beyond a limit on the size of files.
    signal(SIGXFSZ, SIG_IGN)
    // Latents and weights are mapped: where their file is cut short meanwhile, reading on is this signal.
    signal(SIGBUS) { _ in
      let said: StaticString =
        "error: a file that was in use has been cut short, such as the latents in a world model's run; begin again\n"
      _ = write(STDERR_FILENO, said.utf8Start, said.utf8CodeUnitCount)
      _exit(1)
    }
    // What was closed when this began stays so, and is no file that is opened later.
    for file in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(file, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDONLY)
    }
    var named = "ditto"
    do {
      try checkHomes(in: CommandLine.arguments.dropFirst())
      named = try commandNamed(in: Array(CommandLine.arguments.dropFirst()))
      var command = try parseAsRoot()
      try Observer.$current.withValue(Console.observer) { try command.run() }
      Console.end()
    } catch {
      if let code = exitCode(ofOwn: error) {
        Console.say("error: \(error)")
        Foundation.exit(code)
      }
      // Help and versions are no errors.
      let code = exitCode(for: error)
      if code == .success { exit(withError: error) }
      let said = message(for: error).split(separator: "\n").joined(separator: " ")
      // Its own refusals say what to do; the parser's do not.
      Console.say(
        "error: \(said)\(error is ValidationError || code != .validationFailure ? "" : "; see '\(named) --help'")")
      Foundation.exit(code.rawValue)
    }
  }

  /// A shell writes the home folder for `~` at the beginning of a word, but not in quotes, nor behind `=` or a comma.
  /// - Throws: `ValidationError`, since a folder called `~` is hardly meant.
  private static func checkHomes(in words: some Sequence<String>) throws {
    for word in words where word.contains(/^(--[a-z-]+=)?~(\/|$)|^[^\/]+[=,]~\//) {
      throw ValidationError(
        "'\(word)' has a ~ that the shell did not replace, since it is quoted or behind '=' or ','; write $HOME for your own folder, or ./~ for one of that name"
      )
    }
  }

  /// The command that is asked for, such as `ditto train agent`. The parser takes a misspelt one for an argument too
  /// many.
  /// - Throws: `ValidationError` that names the command that was probably meant.
  private static func commandNamed(in words: [String]) throws -> String {
    var (command, path): (any ParsableCommand.Type, String) = (DittoCommand.self, "ditto")
    for word in words {
      let known = command.configuration.subcommands
      guard !known.isEmpty, !word.hasPrefix("-"), word != "help" else { break }
      guard let next = known.first(where: { $0._commandName == word }) else {
        let nearest = sortedByDistance(known.map { $0._commandName }, to: word)[0]
        throw ValidationError(
          "'\(word)' is no command; did you mean '\(nearest)'? There are \(known.map { $0._commandName }.joined(separator: ", "))"
        )
      }
      (command, path) = (next, path + " " + word)
    }
    return path
  }

  /// The documented exit code of an error of this package; nil for others, such as those of the arguments' parser.
  private static func exitCode(ofOwn error: any Error) -> Int32? {
    switch error {
    case let error as Interrupted: error.exitCode
    case is ConfigurationError, TorchError.noDevice, RunError.folderInUse, RunError.notARun, RunError.wrongKind,
      RunError.wrongFormat:
      64
    case ExperimentError.notAnOption, ExperimentError.noScriptedPlayer, ExperimentError.demoDiffers,
      ExperimentError.noDemo, ExperimentError.noSuchMetric,
      ExperimentError.noSuchCheckpoint, ExperimentError.namedTwice, ExperimentError.otherEnvironment:
      64
    case DemonstrationError.alreadyExists, DemonstrationError.noSuchEpisode: 64
    case EnvironmentError.unknownEnvironment, EnvironmentError.wrongPipeline, EnvironmentError.unsupportedSize,
      EnvironmentError.refused:
      64
    case DemonstrationError.cannotWrite, DemonstrationError.beingRecorded, DemonstrationError.noThread,
      RunError.cannotWrite, RunError.lockedByAnotherProcess, RunError.nonFiniteMetric,
      ExperimentError.notEnoughMemory:
      1
    case is DemonstrationError, is ImitationError, is ExperimentError, is RunError, is TorchError: 65
    case is EnvironmentError: 1
    default: nil
    }
  }
}
