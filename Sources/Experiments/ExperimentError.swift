public enum ExperimentError: Error, Equatable, CustomStringConvertible {
  case dataChanged(String)
  case demoDiffers(String)
  case unsupportedFrames(String, String)
  case noScriptedPlayer(String)
  case wrongFrames(environment: String, found: String, expected: String)
  case wrongPixels(dataset: String, found: Int, pipeline: Int)
  case wrongActions(what: String, found: Int, expected: Int)
  case tooFewEpisodes(dataset: String, wanted: Int, found: Int)
  case tooFewExperts(dataset: String, needed: Int, found: Int)
  case otherEyes(agent: String, worldModel: String)
  case pipelinesDiffer(String, String)
  case otherPipeline(String)
  case unknownPipeline(String)
  case noSuchMetric(String, String, known: [String])
  case notAnOption(String, allowed: String)

  public var description: String {
    switch self {
    case .dataChanged(let path):
      "\(path): is not what the run began with; restore it, or begin a new run in another --output"
    case .demoDiffers(let path):
      "\(path): holds a demo with another seed or configuration; give the same, or another --output"
    case .unsupportedFrames(let dataset, let found):
      """
      \(dataset): frames are \(found), but there are networks for one grey channel of 64×64 or 32×32 pixels only; record it again \
      through one of the pixel pipelines
      """
    case .noScriptedPlayer(let environment):
      "\(environment): has no scripted expert; use 'random' or an agent's run folder"
    case .wrongFrames(let environment, let found, let expected):
      "\(environment): shows frames of \(found), the agent was trained on \(expected); evaluate it in the environment of its recordings"
    case .wrongPixels(let dataset, let found, let pipeline):
      "\(dataset): frames are \(found)×\(found), but pipeline.size is \(pipeline), which an agent would be shown; set pipeline.size=\(found)"
    case .wrongActions(let what, let found, let expected):
      "\(what): has \(found) actions, the world model knows \(expected); use data of the environment that it was trained on"
    case .tooFewEpisodes(let dataset, let wanted, let found):
      "\(dataset): has \(found) episodes, --use-episodes asks for \(wanted); lower it, or record more"
    case .tooFewExperts(let dataset, let needed, let found):
      "\(dataset): has \(found) episodes, the study needs \(needed), to learn from some and hold out others; record more"
    case .otherEyes(let agent, let worldModel):
      "\(agent): sees frames of another pixel pipeline than \(worldModel); measure it with a world model of the recordings it learned from"
    case .pipelinesDiffer(let first, let second):
      "\(first) and \(second): their pixels were made by different pipelines; train on datasets of one"
    case .otherPipeline(let dataset):
      "\(dataset): was recorded through another pixel pipeline than the configuration's; leave its kind, size, crop and frameSkip as they are recorded"
    case .unknownPipeline(let dataset):
      "\(dataset): its metadata describe no pixel pipeline that this program knows; record it again, or take 'ditto_pipeline' out of metadata.json"
    case .noSuchMetric(let run, let metric, let known):
      "\(run): logged no '\(metric)'; it has \(known.joined(separator: ", "))"
    case .notAnOption(let what, let allowed):
      "\(what); \(allowed)"
    }
  }
}
