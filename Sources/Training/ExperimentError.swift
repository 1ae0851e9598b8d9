import Foundation
import Spaces

public enum ExperimentError: Error, Equatable, CustomStringConvertible {
  case dataChanged(String, difference: String)
  case demoDiffers(String)
  case unsupportedFrames(String, String)
  case noScriptedPlayer(String)
  case otherEnvironment(String, found: String? = nil, trainedOn: String)
  case wrongFrames(environment: String, found: String, expected: String)
  case wrongPixels(dataset: String, found: Int, pipeline: Int)
  case wrongActions(what: String, found: ActionSpace, expected: ActionSpace)
  case tooFewEpisodes(dataset: String, wanted: Int, found: Int)
  case otherEyes(agent: String, worldModel: String)
  case pipelinesDiffer(String, String)
  case otherPipeline(String)
  case unknownPipeline(String)
  case noSuchMetric(String, String, known: [String])
  case noPixels(String)
  case noSuchCheckpoint(String, Int, known: [Int])
  case nothingHeldOut(String)
  case damagedChoice(String)
  case namedTwice(String)
  case trainingDataGone(String)
  case noResult(String)
  case cannotCompare(String)
  case noDemo(String)
  case notFinite(environment: String, episode: Int, step: Int, what: String)
  case notEnoughMemory(what: String, gibibytes: Double, available: Double, smaller: String)
  case notAnOption(String, allowed: String)

  public var description: String {
    switch self {
    case .dataChanged(let path, let difference):
      "\(path): is not what the run began with (\(difference)); restore it, or begin a new run in another --output"
    case .demoDiffers(let path):
      "\(path): holds a demo with another seed or configuration; give the same, or another --output"
    case .unsupportedFrames(let dataset, let found):
      """
      \(dataset): frames are \(found), but there are networks for one grey channel of 64×64 or 32×32 pixels only; record it again \
      through one of the pixel pipelines
      """
    case .noScriptedPlayer(let environment):
      "\(environment): has no scripted expert; use 'random' or an agent's run folder"
    case .otherEnvironment(let environment, let found, let trainedOn):
      "\(environment): \(found.map { "has \($0), and " } ?? "")is not what the agent was trained on, which is \(trainedOn); take the environment of its recordings"
    case .wrongFrames(let environment, let found, let expected):
      "\(environment): shows frames of \(found), the model was trained on \(expected); take the environment of its recordings"
    case .wrongPixels(let dataset, let found, let pipeline):
      "\(dataset): frames are \(found)×\(found), but pipeline.size is \(pipeline), which an agent would be shown; set pipeline.size=\(found)"
    case .wrongActions(let what, let found, let expected):
      "\(what): has \(found), the world model knows \(expected); use data of the environment that it was trained on"
    case .tooFewEpisodes(let dataset, let wanted, let found):
      "\(dataset): has too few episodes, \(found) where \(wanted) are needed; record more, or lower --use-episodes where that asks for so many"
    case .otherEyes(let agent, let worldModel):
      "\(agent): sees frames of another pixel pipeline than \(worldModel); measure it with a world model of the recordings it learned from"
    case .pipelinesDiffer(let first, let second):
      "\(first) and \(second): their pixels were made by different pipelines; train on datasets of one"
    case .otherPipeline(let dataset):
      "\(dataset): was recorded through another pixel pipeline than the world model's configuration has; leave pipeline.kind, size, crop and frameSkip as they are recorded"
    case .unknownPipeline(let dataset):
      "\(dataset): its metadata describe no pixel pipeline that this program knows; record it again, or take 'ditto_pipeline' out of metadata.json"
    case .noSuchMetric(let run, let metric, let known):
      "\(run): logged no '\(metric)'; it has \(known.joined(separator: ", "))"
    case .noPixels(let what):
      "\(what): shows a vector and no pixels; there is no picture to draw"
    case .noSuchCheckpoint(let run, let step, let known):
      "\(run): has no checkpoint of step \(step); it has \(known.map(String.init).joined(separator: ", ")); training.keptCheckpoints says how many are kept"
    case .nothingHeldOut(let what):
      "\(what): no expert episode was held out to score checkpoints on, or only such as are shorter than the horizon; lower --use-episodes, record more or longer ones, or give --select last"
    case .damagedChoice(let file):
      "\(file): marks a run whose checkpoint was chosen by its returns, and is damaged; restore it, or choose again with 'ditto study selection --adopt'"
    case .namedTwice(let name):
      "'\(name)': stands for more than one player; give each once, and agents names of their own (name=run), other than 'expert' and 'random'"
    case .trainingDataGone(let path):
      "\(path): the world model was trained on it, and it is not there as it was; restore it, or leave out --expert, which is compared with it"
    case .noResult(let file):
      "\(file): is no result of 'ditto evaluate --json' that this version reads; evaluate the run again"
    case .cannotCompare(let why):
      why
    case .noDemo(let path):
      "\(path): is not empty, and holds no demo; choose another --output"
    case .notFinite(let environment, let episode, let step, let what):
      "\(environment): episode \(episode), step \(step): \(what) is not finite; mend the environment, nothing can be made of such numbers"
    case .notEnoughMemory(let what, let gibibytes, let available, let smaller):
      String(
        format: "%@ takes at least %.3g GiB of memory, and %.3g GiB can be had; make %@ smaller", what, gibibytes,
        available, smaller)
    case .notAnOption(let what, let allowed):
      "\(what); \(allowed)"
    }
  }
}
