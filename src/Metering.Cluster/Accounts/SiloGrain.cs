using Orleans.Concurrency;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace Metering.Cluster;

/// <inheritdoc cref="ISiloGrain"/>
[Reentrant, GrainType("silo"), AtItsSilo]
internal sealed class SiloGrain(AccountHosting hosting) : Grain, ISiloGrain
{
    /// <summary>
    /// Grains of one silo: the decisions of one message run one after another, and other messages of the same lane wait for them. More lanes
    /// use more processors and make messages smaller.
    /// </summary>
    public const int Lanes = 4;

    private static readonly Task<AccountAnswer> NotHere = Task.FromResult<AccountAnswer>(new Moved());

    public static string KeyOf(string silo, int lane) => $"{silo}/{lane}";

    public static string SiloOf(string key) => key[..key.LastIndexOf('/')];

    public async ValueTask<AccountAnswers> RunAsync(SiloCalls calls)
    {
        var running = new Task<AccountAnswer>[calls.Items.Length];
        for (var index = 0; index < running.Length; index++)
        {
            running[index] = AccountId.TryParse(calls.Accounts[index], out var account) && hosting.Placed.CanPassBy(account)
                ? calls.Items[index].AnswerAsync(hosting.Engine, account)
                : NotHere;
        }

        var answers = new AccountAnswer[running.Length];
        for (var index = 0; index < answers.Length; index++)
        {
            answers[index] = await running[index];
        }

        return new() { Items = answers };
    }
}

/// <summary>Places a grain at the silo that its key names.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class AtItsSiloAttribute() : PlacementAttribute(new AtItsSilo());

/// <inheritdoc cref="AtItsSiloAttribute"/>
[GenerateSerializer, Immutable, Alias("metering.at-its-silo")]
internal sealed class AtItsSilo : PlacementStrategy;

/// <inheritdoc cref="AtItsSiloAttribute"/>
internal sealed class AtItsSiloDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var silo = SiloGrain.SiloOf(target.GrainIdentity.Key.ToString()!);
        var silos = context.GetCompatibleSilos(target);

        // A silo that is gone has no accounts: any other one says so.
        return Task.FromResult(Array.Find(silos, candidate => candidate.ToParsableString() == silo) ?? silos[0]);
    }
}
