using Metering.Benchmarks;

namespace Metering.Cluster.Benchmarks;

/// <summary>What the cluster is to reach on two processors, and how far it is: medians of ratios within a round.</summary>
internal sealed class ClusterTargets(ResultStore results)
{
    /// <summary>Every target, those that were not measured, too.</summary>
    public IEnumerable<TargetRow> Rows()
    {
        foreach (var (load, isHot) in new[] { ("10,000 accounts", false), ("one hot account", true) })
        {
            yield return Share($"in process, {load}, beside an empty grain call", 0.6, ComparedSystems.Memory, isHot, ComparedSystems.Empty);
            yield return Share($"PostgreSQL, {load}, beside the embedded meter", 0.8, ComparedSystems.PostgreSql, isHot, ComparedSystems.Embedded);
            yield return Times($"PostgreSQL, {load}, beside a grain that writes its state", 10, ComparedSystems.PostgreSql, isHot, ComparedSystems.Stored);
            yield return Share($"client over TCP, {load}, beside an empty grain call", 0.6, ComparedSystems.Client, isHot, ComparedSystems.Empty);
        }
    }

    private TargetRow Share(string name, double target, ComparedPart part, bool isHot, string peer) => Beside(name, part, isHot, peer, target,
        MarkdownPage.Text($">= {target * 100:0} %"), (ratio, mine, theirs) => MarkdownPage.Text($"{ratio * 100:0} % ({mine:N0}/s, {theirs:N0}/s)"));

    private TargetRow Times(string name, double target, ComparedPart part, bool isHot, string peer) => Beside(name, part, isHot, peer, target,
        MarkdownPage.Text($">= {target:0.#}x"), (ratio, mine, theirs) => MarkdownPage.Text($"{ratio:0.0}x ({mine:N0}/s, {theirs:N0}/s)"));

    private TargetRow Beside(string name, ComparedPart part, bool isHot, string peer, double target, string wanted, Func<double, double, double, string> text)
    {
        var (mine, theirs) = (Find(part, ComparedSystems.Cluster, isHot), Find(part, peer, isHot));
        if (mine is null || theirs is null)
        {
            return new(name, wanted, null, false);
        }

        var ratio = mine.Beside(theirs, static figure => figure.BurstRate);
        return new(name, wanted, text(ratio, mine.Median().BurstRate, theirs.Median().BurstRate), ratio >= target);
    }

    private ComparedResult? Find(ComparedPart part, string system, bool isHot) => results.Find<ComparedResult>(ComparedResult.NameOf(part.Name, system, isHot));
}
