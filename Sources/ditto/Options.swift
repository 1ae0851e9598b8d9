import ArgumentParser
import Configuration
import Experiments
import Foundation
import Torch

extension Device: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// Where and how to compute.
struct ComputeOptions: ParsableArguments {
  @Option(help: "Where to compute: cpu, cuda or mps. There is no fallback.") var device = Device.cpu
  @Option(help: "Precision of matrix products and convolutions: f32 or bf16.") var dtype = Precision.f32
  @Option(help: "Threads to compute with (default: as many as cores).") var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  /// Sets the process up; the device asked for.
  func apply() throws -> Device {
    Libtorch.keepMemory()
    if let threads { Libtorch.threads = threads }
    return try device.required()
  }
}

/// What both trainers take.
struct TrainOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The run's folder.", valueName: "folder")) var output: String
  @Option(parsing: .singleValue, help: ArgumentHelp("A preset or a YAML file; may be given several times, later ones win. Presets: \(Presets.names.joined(separator: ", ")).", valueName: "preset|file"))
  var config: [String] = []
  @Option(name: .customLong("set"), parsing: .singleValue, help: ArgumentHelp("One setting, such as training.steps=1000; may be given several times.", valueName: "key=value"))
  var overrides: [String] = []
  @Option(help: "Where all randomness of the run starts.") var seed: UInt64 = 0
  @Flag(help: "Go on with the run in the output folder, from its newest good checkpoint.") var resume = false
  @OptionGroup var compute: ComputeOptions
}
