using Orleans.Concurrency;
using Orleans.Runtime;

namespace Metering.Cluster.Tests;

/// <summary>A grain with a state and a reminder, as Orleans' documentation has them.</summary>
internal interface IStatefulGrain : IGrainWithStringKey
{
    /// <summary>The silo that it lives on.</summary>
    [AlwaysInterleave]
    Task<string> WhereAsync();

    Task<int> AddAsync(int amount);

    Task<int> ReadAsync();

    Task ClearAsync();

    Task RemindAsync(string name);

    Task<bool> HasReminderAsync(string name);

    Task<bool> ForgetAsync(string name);
}

internal sealed class StatefulGrain(
    [PersistentState("sum", AdoNetSilos.Storage)] IPersistentState<StatefulGrain.Sum> state, ILocalSiloDetails silo) : Grain, IStatefulGrain, IRemindable
{
    public Task<string> WhereAsync() => Task.FromResult(silo.SiloAddress.ToString());

    public async Task<int> AddAsync(int amount)
    {
        state.State.Value += amount;
        await state.WriteStateAsync();
        return state.State.Value;
    }

    public async Task<int> ReadAsync()
    {
        await state.ReadStateAsync();
        return state.State.Value;
    }

    public Task ClearAsync() => state.ClearStateAsync();

    public Task RemindAsync(string name) => this.RegisterOrUpdateReminder(name, TimeSpan.FromDays(1), TimeSpan.FromDays(40));

    public async Task<bool> HasReminderAsync(string name) => await this.GetReminder(name) is not null;

    public async Task<bool> ForgetAsync(string name)
    {
        if (await this.GetReminder(name) is not { } reminder)
        {
            return false;
        }

        await this.UnregisterReminder(reminder);
        return true;
    }

    public Task ReceiveReminder(string reminderName, TickStatus status) => Task.CompletedTask;

    [GenerateSerializer, Alias("metering.tests.sum")]
    internal sealed class Sum
    {
        [Id(0)]
        public int Value { get; set; }
    }
}
