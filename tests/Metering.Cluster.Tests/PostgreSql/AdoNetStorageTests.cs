using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Storage;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>Grains' state on our tables and queries.</summary>
public sealed class AdoNetStorageTests(AdoNetSilos silos) : IClassFixture<AdoNetSilos>
{
    private const string Type = "test";

    [PostgreSqlFact]
    public async Task A_grains_state_is_written_read_and_cleared()
    {
        var grain = silos.Silos[0].Services.GetRequiredService<IGrainFactory>().GetGrain<IStatefulGrain>("sum");
        Assert.Equal(5, await grain.AddAsync(5));
        Assert.Equal(12, await grain.AddAsync(7));
        Assert.Equal(12, await grain.ReadAsync());
        await grain.ClearAsync();
        Assert.Equal(0, await grain.ReadAsync());
        Assert.Equal(3, await grain.AddAsync(3));
        Assert.Equal(3, await grain.ReadAsync());
    }

    [PostgreSqlFact]
    public async Task Etags_let_one_of_two_writers_through()
    {
        var grain = GrainId.Create("g", "one");
        var mine = await WriteAsync(grain, 1, null);
        Assert.Equal("1", mine.ETag);
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(grain, 2, null)); // two first writers

        var theirs = await ReadAsync(grain);
        Assert.Equal((1, "1", true), (theirs.State!.Value, theirs.ETag, theirs.RecordExists));
        await WriteAsync(grain, 3, theirs);
        Assert.Equal("2", theirs.ETag);
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(grain, 4, mine));
        await Assert.ThrowsAsync<InconsistentStateException>(() => Storage().ClearStateAsync(Type, grain, mine));
        Assert.Equal(3, (await ReadAsync(grain)).State!.Value);
    }

    [PostgreSqlFact]
    public async Task A_cleared_state_keeps_its_version()
    {
        var grain = GrainId.Create("g", "cleared");
        var before = await WriteAsync(grain, 1, null);
        var clearing = await ReadAsync(grain);
        await Storage().ClearStateAsync(Type, grain, clearing);
        Assert.Equal(("2", false), (clearing.ETag, clearing.RecordExists));
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(grain, 9, before));

        var after = await ReadAsync(grain);
        Assert.Equal((0, "2", false), (after.State!.Value, after.ETag, after.RecordExists));
        await WriteAsync(grain, 5, after);
        Assert.Equal(("3", 5), (after.ETag, (await ReadAsync(grain)).State!.Value));
    }

    [PostgreSqlFact]
    public async Task A_state_that_is_deleted_when_cleared_leaves_nothing()
    {
        var grain = GrainId.Create("g", "deleted");
        var storage = Storage(AdoNetSilos.DeletingStorage);
        var state = await WriteAsync(grain, 1, null);
        var stale = new GrainState<StatefulGrain.Sum>(new(), "7") { RecordExists = true };
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync(Type, grain, stale));
        await storage.ClearStateAsync(Type, grain, state);
        Assert.Null(state.ETag);
        Assert.Equal(0L, await silos.ExecuteAsync("SELECT count(*) FROM orleans.grain_states WHERE key_text = 'deleted'"));
        Assert.Equal("1", (await WriteAsync(grain, 2, null)).ETag);
    }

    [PostgreSqlFact]
    public async Task Grains_with_every_kind_of_key_and_of_other_types_are_apart()
    {
        var guid = new Guid("8d2f2bd2-54d3-4a3c-9d27-0f9f2b3f7a11");
        GrainId[] grains =
        [
            GrainId.Create("g", "text"), Keyed(GrainIdKeyExtensions.CreateGuidKey(guid)), Keyed(GrainIdKeyExtensions.CreateGuidKey(guid, "more")),
            Keyed(GrainIdKeyExtensions.CreateIntegerKey(-42)), Keyed(GrainIdKeyExtensions.CreateIntegerKey(-42, "more")), GrainId.Create("g", "ünïcode · 😀"),
        ];
        for (var number = 0; number < grains.Length; number++)
        {
            await WriteAsync(grains[number], number + 1, null);
        }

        var other = new GrainState<StatefulGrain.Sum>(new() { Value = 100 });
        await Storage().WriteStateAsync("other", grains[0], other);
        for (var number = 0; number < grains.Length; number++)
        {
            Assert.Equal(number + 1, (await ReadAsync(grains[number])).State!.Value);
        }
    }

    private static GrainId Keyed(IdSpan key) => GrainId.Create(GrainType.Create("g"), key);

    private IGrainStorage Storage(string name = AdoNetSilos.Storage) => silos.Silos[0].Services.GetRequiredKeyedService<IGrainStorage>(name);

    private async Task<GrainState<StatefulGrain.Sum>> WriteAsync(GrainId grain, int value, GrainState<StatefulGrain.Sum>? state)
    {
        state ??= new(new());
        state.State!.Value = value;
        await Storage().WriteStateAsync(Type, grain, state);
        return state;
    }

    private async Task<GrainState<StatefulGrain.Sum>> ReadAsync(GrainId grain)
    {
        var state = new GrainState<StatefulGrain.Sum>(new());
        await Storage().ReadStateAsync(Type, grain, state);
        return state;
    }
}
