using Metering.Engine;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the stores of subjects that live beside profiles and keys.</summary>
public static class OperatorStores
{
    /// <summary>
    /// Adds <see cref="ICouponStore"/>, <see cref="IAuditLog"/>, <see cref="IAnswerStore"/>, <see cref="IPlanVersionStore"/>, <see cref="ISandboxStore"/> and
    /// <see cref="IProfileRegister"/>, in the database of the host's <see cref="IDirectoryStore"/>. With a directory of another make there are no sandboxes,
    /// and the others answer that they cannot serve.
    /// </summary>
    /// <param name="services">The host's services, with a directory store.</param>
    public static IServiceCollection AddOperatorStores(this IServiceCollection services)
    {
        services.TryAddSingleton<ICouponStore>(provider => new SqlCouponStore(Sql(provider)));
        services.TryAddSingleton<IAuditLog>(provider => new SqlAuditLog(Sql(provider)));
        services.TryAddSingleton<IAnswerStore>(provider => new SqlAnswerStore(Sql(provider)));
        services.TryAddSingleton<IPlanVersionStore>(provider => new SqlPlanVersionStore(Sql(provider)));
        services.TryAddSingleton<ISandboxStore>(provider => provider.GetRequiredService<IDirectoryStore>() is IDirectoryTables tables
            ? new SqlSandboxStore(tables.Sql)
            : new AbsentSandboxStore(provider.GetRequiredService<IDirectoryStore>().GetType().Name));
        services.TryAddSingleton<IProfileRegister>(provider =>
            provider.GetRequiredService<IDirectoryStore>() as IProfileRegister ?? new SqlProfileRegister(Sql(provider)));
        return services;
    }

    private static IDirectorySql Sql(IServiceProvider services)
    {
        var directory = services.GetRequiredService<IDirectoryStore>();
        return directory is IDirectoryTables tables ? tables.Sql : new NoDirectorySql(directory.GetType());
    }

    private sealed class NoDirectorySql(Type directory) : IDirectorySql
    {
        public ValueTask<List<T>> ReadAsync<T>(string sql, SqlValue[] values, Func<ISqlRow, T> read, CancellationToken cancellationToken) =>
            ValueTask.FromException<List<T>>(Refusal());

        public ValueTask<T> CommitAsync<T>(Func<ISqlTransaction, ValueTask<T>> work, CancellationToken cancellationToken) => ValueTask.FromException<T>(Refusal());

        private LedgerUnavailableException Refusal() =>
            new($"The directory {directory.Name} keeps profiles and keys only; use the directory of UseSqlite, UsePostgreSql or UseMemory.");
    }
}
