//! Mounts, volumes, configs and secrets.

use crate::project::error::Outcome;
use crate::project::model::{
    BindOptions, FileObject, FileReference, ImageOptions, TmpfsOptions, Volume, VolumeMount,
    VolumeOptions,
};

use super::fields::Fields;

pub(super) fn volume_mount(fields: &mut Fields) -> Outcome<VolumeMount> {
    Ok(VolumeMount {
        r#type: fields.string("type")?,
        source: fields.string("source")?,
        target: fields.string("target")?,
        read_only: fields.flag("read_only")?,
        consistency: fields.string("consistency")?,
        bind: fields.nested("bind", bind_options)?,
        volume: fields.nested("volume", volume_options)?,
        tmpfs: fields.nested("tmpfs", tmpfs_options)?,
        image: fields.nested("image", image_options)?,
        extensions: fields.extensions(),
    })
}

fn bind_options(fields: &mut Fields) -> Outcome<BindOptions> {
    Ok(BindOptions {
        selinux: fields.string("selinux")?,
        propagation: fields.string("propagation")?,
        create_host_path: fields.flag("create_host_path")?,
        recursive: fields.string("recursive")?,
        extensions: fields.extensions(),
    })
}

fn volume_options(fields: &mut Fields) -> Outcome<VolumeOptions> {
    Ok(VolumeOptions {
        labels: fields.pairs("labels")?,
        nocopy: fields.flag("nocopy")?,
        subpath: fields.string("subpath")?,
        extensions: fields.extensions(),
    })
}

fn tmpfs_options(fields: &mut Fields) -> Outcome<TmpfsOptions> {
    Ok(TmpfsOptions {
        size: fields.bytes("size")?,
        mode: fields.strict_u32("mode")?,
        extensions: fields.extensions(),
    })
}

fn image_options(fields: &mut Fields) -> Outcome<ImageOptions> {
    Ok(ImageOptions {
        subpath: fields.string("subpath")?,
        extensions: fields.extensions(),
    })
}

pub(super) fn file_reference(fields: &mut Fields) -> Outcome<FileReference> {
    Ok(FileReference {
        source: fields.string("source")?,
        target: fields.string("target")?,
        uid: fields.string("uid")?,
        gid: fields.string("gid")?,
        mode: fields.mode("mode")?,
        extensions: fields.extensions(),
    })
}

pub(super) fn volume(fields: &mut Fields) -> Outcome<Volume> {
    Ok(Volume {
        name: fields.string("name")?,
        driver: fields.string("driver")?,
        driver_opts: fields.pairs("driver_opts")?,
        external: fields.flag("external")?,
        labels: fields.pairs("labels")?,
        extensions: fields.extensions(),
    })
}
pub(super) fn file_object(fields: &mut Fields) -> Outcome<FileObject> {
    Ok(FileObject {
        name: fields.string("name")?,
        file: fields.string("file")?,
        environment: fields.string("environment")?,
        content: fields.string("content")?,
        external: fields.flag("external")?,
        labels: fields.pairs("labels")?,
        driver: fields.string("driver")?,
        driver_opts: fields.pairs("driver_opts")?,
        template_driver: fields.string("template_driver")?,
        environment_value: fields.string(super::RESOLVED_VALUE)?,
        extensions: fields.extensions(),
    })
}
